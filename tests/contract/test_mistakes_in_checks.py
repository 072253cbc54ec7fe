"""Every mistake in a contract's checks is refused by path, with what was found and what is wanted."""

from datetime import date
from typing import Any

import pytest
from support.tables import small_feed

from cbi.errors import Misconfigured

A_COLUMN = "it must be a column of the file that fills one of the schema's"

MISTAKES: list[tuple[Any, str]] = [
    ({"not_nul": []}, "checks.not_nul is not known; keys here are not_null, null_share_at_most, not_blank,"),
    ({"not_null": {"columns": ["day"]}}, "checks.not_null is a map; it must be a list of rules, each a map"),
    ({"not_null": ["day"]}, "checks.not_null[0] is 'day'; it must be a map with the keys action, columns"),
    ({"not_null": [{}]}, "checks.not_null[0].columns is missing; it must be a list of columns of the file"),
    ({"not_null": [{"columns": []}]}, "checks.not_null[0].columns is an empty list; it must be a list of"),
    ({"not_null": [{"columns": ["x"]}]}, f"checks.not_null[0].columns[0] is 'x'; {A_COLUMN}"),
    (
        {"not_null": [{"columns": ["run_id"]}]},
        "checks.not_null[0].columns[0] is 'run_id'; it must be a column",
    ),
    (
        {"not_null": [{"columns": ["day"], "action": "drop"}]},
        "checks.not_null[0].action is 'drop'; it must be fail, quarantine or warn",
    ),
    (
        {"not_null": [{"columns": ["day"], "min": 1}]},
        "checks.not_null[0].min is not known; keys here are action, columns",
    ),
    (
        {"finite": [{"columns": ["price"]}, {"columns": ["price", "symbol"]}]},
        "checks.finite[1].columns[1] is 'symbol', which is STRING; it must be FLOAT64",
    ),
    ({"trimmed": [{"columns": ["day"]}]}, "checks.trimmed[0].columns[0] is 'day', which is DATE; it must be"),
    ({"not_blank": [{"columns": ["day"]}]}, "checks.not_blank[0].columns[0] is 'day', which is DATE"),
    ({"bounds": [{"columns": ["price"]}]}, "checks.bounds[0] has no bound; it must have one of min, max,"),
    (
        {"bounds": [{"columns": ["price"], "min": "0"}]},
        "checks.bounds[0].min is '0'; it must be a number or a date, without quotes",
    ),
    (
        {"bounds": [{"columns": ["price"], "min": date(2024, 1, 1)}]},
        "checks.bounds[0].min is 2024-01-01; price is FLOAT64, which has no such values",
    ),
    ({"bounds": [{"columns": ["day"], "max": 5}]}, "checks.bounds[0].max is 5; day is DATE, which has no"),
    ({"bounds": [{"columns": ["bid_count"], "max": 0.5}]}, "checks.bounds[0].max is 0.5; bid_count is INT64"),
    ({"bounds": [{"columns": ["bid_count"], "max": 2**63}]}, "checks.bounds[0] has a bound beyond the"),
    ({"bounds": [{"columns": ["price"], "max": float("inf")}]}, "checks.bounds[0] has a bound that is no"),
    ({"in": [{"columns": ["symbol"], "values": []}]}, "checks.in[0].values is an empty list; it must be"),
    (
        {"in": [{"columns": ["symbol"], "values": ["ZL", False]}]},
        "checks.in[0].values[1] is false; it must be a text or a whole number, in quotes if need be",
    ),
    (
        {"in": [{"columns": ["symbol"], "values": [1]}]},
        "checks.in[0].values[0] is 1; symbol is STRING, which",
    ),
    ({"in": [{"columns": ["price"], "values": [1]}]}, "checks.in[0].columns[0] is 'price', which is FLOAT64"),
    (
        {"matches": [{"columns": ["symbol"], "pattern": "(Z"}]},
        "checks.matches[0].pattern is '(Z'; it must be a regular expression of RE2: ",
    ),
    (
        {"at_least": [{"column": "price", "other": "bid_count"}]},
        "checks.at_least[0].other is 'bid_count', which is INT64; price is FLOAT64",
    ),
    ({"at_most": [{"column": "symbol", "other": "symbol"}]}, "checks.at_most[0].column is 'symbol', which"),
    (
        {"at_most": [{"column": "price"}]},
        "checks.at_most[0].other is missing; it must be the name of a column",
    ),
    (
        {"unique": [{"columns": ["price"]}]},
        "checks.unique[0].columns[0] is 'price', which is FLOAT64; it must",
    ),
    ({"unique": [{"columns": ["day", "day"]}]}, "checks.unique[0].columns[1] is 'day', which is there twice"),
    (
        {"increasing_by": [{"column": "symbol"}]},
        "checks.increasing_by[0].column is 'symbol', which is STRING",
    ),
    ({"increasing_by": [{"column": "day", "by": ["x"]}]}, "checks.increasing_by[0].by[0] is 'x'; it must be"),
    (
        {"null_share_at_most": [{"columns": ["price"], "share": 5}]},
        "checks.null_share_at_most[0].share is 5; it must be a number from 0 to 1",
    ),
    (
        {"null_share_at_most": [{"columns": ["price"], "share": 0, "action": "quarantine"}]},
        "checks.null_share_at_most[0].action is quarantine; it must be fail or warn, because no row",
    ),
    ({"rows_between": [{"min": -1}]}, "checks.rows_between[0].min is -1; it must be a whole number of rows"),
    (
        {"rows_between": [{"min": 3, "max": 2}]},
        "checks.rows_between[0].max is 2; it must not be below min, 3",
    ),
]


@pytest.mark.parametrize(("checks", "message"), MISTAKES)
def test_a_mistake_is_refused_by_path(checks: Any, message: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        small_feed(checks=checks)
    assert str(raised.value).startswith(f"feed small: {message}")
