"""Launch task: health of Chatwoot and Publer, and whom it tells."""
