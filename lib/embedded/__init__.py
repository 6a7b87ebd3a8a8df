"""What runs here when nothing is live: known to the runner and the session alone."""
