"""Launch task: the pack's seed fixtures."""
