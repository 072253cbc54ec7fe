"""A run: what was decided, carrying it out, the report."""
