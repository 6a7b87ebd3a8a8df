"""What an unknown project is seen to hold, and the expectations that are written from it."""
