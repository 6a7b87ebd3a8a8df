"""Launch task: what a branch may do."""
