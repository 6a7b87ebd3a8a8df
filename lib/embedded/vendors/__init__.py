"""Stand-ins of vendors: web services, a mail server, a vault, with faults on demand."""
