"""Markdown documents drafted from a run's evidence."""
