"""Prometheus: rule files, their unit tests, expressions and scraped samples."""
