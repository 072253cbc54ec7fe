"""A feed's contract: its schema, rules, casts and target table."""

DEFAULT_FEED = "daily_ml_matrix"
"""The feed of files under `staged/` itself; here, so that the command line imports no more for it."""
