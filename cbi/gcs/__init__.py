"""Cloud Storage: pinned reads, writes that may be repeated, and the names of objects."""
