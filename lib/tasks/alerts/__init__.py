"""Launch task: the pack's alerting rules."""
