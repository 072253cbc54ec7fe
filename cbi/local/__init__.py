"""The embedded local stack: real servers in place of Cloud Storage, BigQuery and Eventarc.

`stack.py` starts them, `storage/` and `bigquery/` put the services' real rules in front of two
stand-ins from PyPI, `trigger.py` delivers events, `processes.py` sees that nothing is left behind.
Nothing imports this package but the command line and the tests.
"""
