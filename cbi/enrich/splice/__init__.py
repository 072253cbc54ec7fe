"""Enriching a file without moving its payload: a footer and a few column chunks are appended."""
