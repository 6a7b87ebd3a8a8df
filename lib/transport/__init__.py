"""The doors to the outside: databases, processes, the web, mail; only these open connections."""
