"""What fills a leaf of the table that no column of a staged file brings: one file an enrichment."""
