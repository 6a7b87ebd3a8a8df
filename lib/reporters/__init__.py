"""What a run tells: one file or folder an output."""
