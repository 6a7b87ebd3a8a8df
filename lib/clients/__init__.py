"""One outside system each: how it is asked, and what its answers mean."""
