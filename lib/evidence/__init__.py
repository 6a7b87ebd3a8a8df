"""What a run keeps: its results, its history, and the seal over its files."""
