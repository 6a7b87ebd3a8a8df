"""Launch task: the run's own papers and results."""
