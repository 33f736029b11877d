"""What became of episodes: reports a person can read."""
