"""The roles of a language model: agents with tools, whose every answer is checked before it counts."""

from generators.roles.llm.brainstormer import LLMBrainstormer
from generators.roles.llm.designer import LLMDesigner
from generators.roles.llm.refactor import LLMRefactor
from generators.roles.llm.reviewer import LLMReviewer

__all__ = ["LLMBrainstormer", "LLMDesigner", "LLMRefactor", "LLMReviewer"]
