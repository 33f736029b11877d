"""Who makes a competition: the proposal, the protocols of the roles, and their backends."""
