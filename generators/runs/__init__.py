"""Runs over many datasets: jobs in parallel worker processes, kept in a journal, so that nothing is done twice."""
