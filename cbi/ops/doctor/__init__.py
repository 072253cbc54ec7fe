"""Whether a deployment is well: `checks.py` lists what is looked at, `examine.py` looks at all of it."""
