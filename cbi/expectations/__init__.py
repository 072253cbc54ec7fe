"""What a contract may expect of a file's values, one file a check, and their registry."""
