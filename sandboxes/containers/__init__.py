"""Containers of a Docker engine: what they are made of, who owns them, and what runs inside."""
