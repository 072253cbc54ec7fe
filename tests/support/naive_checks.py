"""A contract's checks, as they are to be understood: worked out row by row in plain Python.

Nothing here knows of Arrow, of footers, or of how the package looks at a file.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """What one rule says of one column: the numbers of the rows that break it."""

    check: str
    column: str | None
    action: str
    reason: str
    rows: frozenset[int]


def as_in_table(value: Any) -> Any:
    """A value as the table has it: NaN is NULL, times are in UTC."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def broken_rules(checks: dict[str, Any], rows: Sequence[Row]) -> list[Broken]:
    """What each rule of a contract's `checks` says of a file's rows."""
    cleaned = [{name: as_in_table(value) for name, value in row.items()} for row in rows]
    return [
        Broken(check, column, rule.get("action", "fail"), reason, frozenset(found))
        for check, rules in checks.items()
        if check != "date_range"
        for rule in rules
        for column, reason, found in _tests(check, rule, cleaned)
    ]


def _tests(check: str, rule: Row, rows: Sequence[Row]) -> Iterator[tuple[str | None, str, list[int]]]:
    match check:
        case "rows_between":
            ok = rule.get("min", 0) <= len(rows) and len(rows) <= rule.get("max", math.inf)
            yield None, "", [] if ok else list(range(len(rows)))
        case "at_least" | "at_most":
            column, other = rule["column"], rule["other"]
            word = "below" if check == "at_least" else "above"
            yield (
                column,
                f"{column} is {word} {other}",
                [
                    number
                    for number, row in enumerate(rows)
                    if _is_beyond(word, row.get(column), row.get(other))
                ],
            )
        case "unique":
            keys = [tuple(row.get(column) for column in rule["columns"]) for row in rows]
            times = Counter(key for key in keys if None not in key)
            listed = ", ".join(rule["columns"])
            verb = "are" if len(rule["columns"]) > 1 else "is"
            found = [number for number, key in enumerate(keys) if times[key] > 1]
            yield listed, f"{listed} {verb} as in another row", found
        case "increasing_by":
            column, by = rule["column"], rule.get("by", [])
            within = f" by {', '.join(by)}" if by else ""
            yield column, f"{column} does not increase{within}", _not_increasing(column, by, rows)
        case _:
            for column in rule["columns"]:
                reason, breaks = _value_test(check, rule)
                found = [number for number, row in enumerate(rows) if breaks(row.get(column))]
                if check == "null_share_at_most" and len(found) <= rule["share"] * len(rows):
                    found = []
                yield column, f"{column} {reason}", found


def _is_beyond(word: str, value: Any, other: Any) -> bool:
    if value is None or other is None:
        return False
    return bool(value < other if word == "below" else value > other)


def _not_increasing(column: str, by: Sequence[str], rows: Sequence[Row]) -> list[int]:
    last: dict[tuple[Any, ...], Any] = {}
    found = []
    for number, row in enumerate(rows):
        group, value = tuple(row.get(name) for name in by), row.get(column)
        if value is None:
            continue
        if group in last and value <= last[group]:
            found.append(number)
        last[group] = value
    return found


def _value_test(check: str, rule: Row) -> tuple[str, Any]:
    """What is wrong with a value, in words and as a function."""
    match check:
        case "not_null" | "null_share_at_most":
            return "is NULL", lambda value: value is None
        case "not_blank":
            return "is blank", lambda value: value is not None and not value.strip()
        case "trimmed":
            return (
                "begins or ends with white space",
                lambda value: value is not None and value.strip() != value,
            )
        case "finite":
            return "is not finite", lambda value: value is not None and math.isinf(value)
        case "matches":
            pattern = rule["pattern"]
            return (
                f"does not match {pattern}",
                lambda value: value is not None and not re.fullmatch(pattern, value),
            )
        case "in":
            listed = ", ".join(map(str, rule["values"]))
            return f"is none of {listed}", lambda value: value is not None and value not in rule["values"]
    assert check == "bounds"
    words = {"min": "at least", "max": "at most", "above": "above", "below": "below"}
    limits = {name: rule[name] for name in words if name in rule}
    wanted = " and ".join(f"{words[name]} {limit}" for name, limit in limits.items())
    return f"is not {wanted}", lambda value: value is not None and not _within(value, limits)


def _within(value: Any, limits: Row) -> bool:
    def like(limit: Any) -> Any:
        is_day = isinstance(value, datetime) and isinstance(limit, date)
        return datetime(limit.year, limit.month, limit.day, tzinfo=UTC) if is_day else limit

    return (
        ("min" not in limits or value >= like(limits["min"]))
        and ("max" not in limits or value <= like(limits["max"]))
        and ("above" not in limits or value > like(limits["above"]))
        and ("below" not in limits or value < like(limits["below"]))
    )
