"""The JSON Schema of a report, made of its types; `python -m cbi.runs.report_schema` writes it."""

import json
from typing import Any

import msgspec

from cbi.runs.report import LONGEST_LIST, SCHEMA_FILE, Report


def report_schema() -> dict[str, Any]:
    """The schema of what `Report.to_json` writes: every field is there, and long lists are cut."""
    schema = msgspec.json.schema(Report)
    definitions = {name: _as_written(definition) for name, definition in schema["$defs"].items()}
    report = definitions.pop("Report")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **report,
        "title": "Report of a run",
        "$defs": definitions,
    }


def _as_written(definition: dict[str, Any]) -> dict[str, Any]:
    """An object's schema without what only matters for reading, and with the lengths of cut lists."""
    description = " ".join(definition.get("description", "").split())
    if "properties" not in definition:
        return {**definition, "description": description}
    properties: dict[str, Any] = {}
    totals: dict[str, Any] = {}
    for name, schema in definition["properties"].items():
        properties[name] = {key: value for key, value in schema.items() if key != "default"}
        if schema.get("type") == "array":
            properties[name]["maxItems"] = LONGEST_LIST
            totals[f"{name}_total"] = {
                "type": "integer",
                "minimum": LONGEST_LIST + 1,
                "description": f"How long {name} is, when it is cut at {LONGEST_LIST}",
            }
    return {
        **definition,
        "description": description,
        "properties": properties | totals,
        "required": list(properties),
        "additionalProperties": False,
    }


def schema_text() -> str:
    return json.dumps(report_schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
