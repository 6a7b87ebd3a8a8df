"""What a role can do to a table: declared, read off the catalogue, and tried."""
