"""A folder of verified competitions."""

from mlesmith_env.pool.pool import Entry, Pool

__all__ = ["Entry", "Pool"]
