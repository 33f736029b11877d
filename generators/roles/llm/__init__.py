"""The roles of a language model: agents with tools, whose every answer is checked before it counts."""

from generators.roles.llm.brainstormer import LLMBrainstormer
from generators.roles.llm.reviewer import LLMReviewer

__all__ = ["LLMBrainstormer", "LLMReviewer"]
