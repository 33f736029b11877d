"""One call of a function of a foreign module in a confined tree, and the state that is kept warm for many."""
