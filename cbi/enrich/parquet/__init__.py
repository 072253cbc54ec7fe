"""Parquet files below the level of Arrow: their footer, and chunks of columns as bytes."""
