"""The vault of credentials: a folder or HashiCorp's, and what is declared to be in it."""
