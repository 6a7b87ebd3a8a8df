"""Launch task: row level security, declared and tried."""
