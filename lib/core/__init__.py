"""The vocabulary: results, errors, redaction, wording; imports nothing of lib."""
