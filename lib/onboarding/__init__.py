"""The first verdict for an unknown project: what is there is read and tried, and written as the project's own expectations."""
