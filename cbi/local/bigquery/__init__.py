"""BigQuery's real rules on top of bqemulator (BigQuery's REST API over DuckDB).

`__main__.py` launches the emulator with the corrections, `requests.py` stands in front of its
routes, `jobs.py` gives load jobs their identity and their lifetime, `loads.py` loads the rows,
`schema.py` compares a parquet file with a table, `tables.py` adds columns to one.
"""
