"""How much the workbook withstands, measured from outside: kills, a storage that fails, secrets, hostile projects and answers.

`make resilience` runs all of it on loopback and writes docs/resilience.md; `make test` runs a slice of each.
"""
