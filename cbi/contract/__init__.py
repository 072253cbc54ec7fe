"""A feed's contract: its schema, rules, casts and target table."""
