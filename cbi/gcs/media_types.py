"""What the objects are, as Cloud Storage notes it."""

PARQUET = "application/vnd.apache.parquet"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
