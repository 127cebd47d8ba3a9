"""From document to bytes: parse and validate once, execute, format. Gets the schema as an argument."""
