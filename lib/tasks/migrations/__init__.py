"""Launch task: the pack's migrations, rehearsed, pushed and compared."""
