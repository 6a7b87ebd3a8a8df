"""Launch task: health of Chatwoot and Publer, and who is notified."""
