"""Requests and answers in a few letters, for the lines of a schedule."""

from typing import Any

from cbi.runs.protocol.requests import Request


def describe(request: Request) -> str:
    """A request in a line of a schedule."""
    parts = []
    for name in request.__struct_fields__:
        value = getattr(request, name)
        parts.append(brief(value))
    return f"{type(request).__name__}({', '.join(parts)})"


def brief(value: Any) -> str:
    """A value in a few letters."""
    match type(value).__name__:
        case "StagedFile":
            return str(value.name)
        case "Log":
            return f"{value.file.name}:{[type(entry).__name__ for entry in value.entries]}"
        case "Job":
            return f"{value.kind.value} {value.run.file.name}/{value.part}e{value.run.epoch}"
        case "Run":
            return f"{value.file.name} {value.stage} e{value.epoch}"
        case "Candidate":
            return f"candidate {value.file.name}"
        case "Planned" | "Rewritten" | "Failed" | "GivenUp":
            return type(value).__name__
        case "Held":
            return f"held by {value.owner.name} e{value.epoch}"
    return repr(value)
