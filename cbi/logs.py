"""Logs: one JSON object a line where Cloud Run collects them, readable text on a terminal."""

import json
import logging
import os
import sys

# What Cloud Logging reads from a line: https://cloud.google.com/logging/docs/structured-logging
_STRUCTURED_FIELDS = ("run_id", "feed")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        line = {"severity": record.levelname, "message": message, "logger": record.name}
        line |= {name: getattr(record, name) for name in _STRUCTURED_FIELDS if hasattr(record, name)}
        return json.dumps(line, ensure_ascii=False)


def configure_logging() -> None:
    """Send this package's log lines to standard error, in the form of the place it runs in."""
    handler = logging.StreamHandler(sys.stderr)
    on_cloud_run = "K_SERVICE" in os.environ
    handler.setFormatter(
        _JsonFormatter() if on_cloud_run else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logger = logging.getLogger("cbi")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
