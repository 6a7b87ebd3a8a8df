"""Fly.io through flyctl."""
