"""Launch task: a backup taken, restored and compared."""
