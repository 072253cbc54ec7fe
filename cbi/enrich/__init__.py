"""Flat parquet in, nested parquet out: rewritten, or spliced."""
