"""Reading and writing parquet: ranges, footers, column chunks, limits."""
