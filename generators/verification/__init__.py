"""Whether a competition is good: assertions, review, trial."""
