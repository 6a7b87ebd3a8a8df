"""The Launch Readiness Workbook's library: notebooks tell the story, this does the work."""
