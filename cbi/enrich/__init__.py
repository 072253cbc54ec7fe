"""Flat parquet in, nested parquet out."""
