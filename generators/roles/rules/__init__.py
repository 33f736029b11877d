"""The roles without a language model: analysis of the data and templates; deterministic, no key, no network."""

from generators.roles.rules.brainstormer import RulesBrainstormer
from generators.roles.rules.designer import RulesDesigner
from generators.roles.rules.refactor import RulesRefactor
from generators.roles.rules.reviewer import RulesReviewer

__all__ = ["RulesBrainstormer", "RulesDesigner", "RulesRefactor", "RulesReviewer"]
