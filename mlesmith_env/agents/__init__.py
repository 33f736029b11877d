"""Who plays: the protocol of an agent, the ladder of solution programs, and an agent that climbs it."""
