"""What every report must be."""

import json
from typing import Any

import jsonschema

from cbi.runs.report import SCHEMA_FILE

_VALIDATOR = jsonschema.Draft202012Validator(
    json.loads(SCHEMA_FILE.read_text()), format_checker=jsonschema.FormatChecker()
)


def validate_report(report: dict[str, Any]) -> None:
    """Hold a report against its JSON Schema and its arithmetic."""
    _VALIDATOR.validate(report)
    if report["status"] == "success":
        assert report["rows_processed"] == report["rows_loaded"] + report["rows_skipped"]
