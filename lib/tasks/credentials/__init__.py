"""Launch task: credentials in the vault, on Fly.io and on GitHub."""
