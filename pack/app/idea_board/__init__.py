"""The idea board: a small web app that serves dashboard tiles from the idea pool."""
