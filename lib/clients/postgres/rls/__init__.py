"""What a role can do to a table: declared, read from the catalogue, and tried."""
