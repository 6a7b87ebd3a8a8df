"""Measures the workbook against its peers: `make bench`."""
