"""Postgres: schemas, digests, dumps, restores, copies and locks."""
