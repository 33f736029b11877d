"""Chat with language models: one call in, one reply out, whatever the provider.

Nothing here knows what is asked or why; roles and playing agents bring messages and tools and read the reply.
"""
