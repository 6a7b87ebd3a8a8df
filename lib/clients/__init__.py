"""One outside system each: what is sent to it, and what its answers mean."""
