"""Pages: executed notebooks and evidence as self-contained HTML."""
