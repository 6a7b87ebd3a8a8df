"""Launch task: a release deployed, watched and rolled back."""
