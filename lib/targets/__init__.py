"""How to talk to each outside program and service that a launch task needs."""
