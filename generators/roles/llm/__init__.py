"""The roles of a language model: agents with tools, whose every answer is checked before it counts."""
