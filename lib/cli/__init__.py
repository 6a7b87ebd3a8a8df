"""One file a `make` target."""
