"""BigQuery: jobs under ids of our own, loads, merges and SQL."""
