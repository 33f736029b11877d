"""What the raw data is: sources, readers, profile, leakage."""
