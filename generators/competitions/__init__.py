"""What a competition is: card, package, guard, grading, metrics, leaderboard. It knows nothing of how one was made."""
