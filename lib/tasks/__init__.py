"""One package a launch task."""
