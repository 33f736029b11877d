"""A living Jupyter kernel in a confined tree: brought up, spoken to, kept spare, forked, replaced."""
