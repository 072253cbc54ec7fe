"""A regime calendar out of a table of days or of ranges, as desks keep one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

from cbi.clients import CLOUD_FAULTS, REQUEST_TIMEOUT, bigquery_client
from cbi.contract.casts import find_cast
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.errors import Misconfigured
from cbi.faults import cloud_error
from cbi.lookups.regime_calendar import Regime, RegimeCalendar, RegimeRange
from cbi.settings import Settings

# What desks call the columns, in lower case; the first that is there counts.
_REGIME = ("regime", "regime_name", "name", "label")
_DAY = ("date", "day", "data_date", "trade_date")
_FIRST = ("from", "valid_from", "first", "start", "start_date", "begin")
_LAST = ("to", "valid_to", "last", "end", "end_date")

# A calendar of trading days lacks weekends and holidays, at most so many days on end.
_LONGEST_BREAK = 4

_SOON = timedelta(days=60)


@dataclass(frozen=True)
class ImportedRegimes:
    """A calendar, how many days without a row got the regime before, and what is to be said of it."""

    calendar: RegimeCalendar
    filled_days: int
    warnings: tuple[str, ...]


def read_table(source: str, settings: Settings) -> pa.Table:
    """A local parquet or CSV file, or `dataset.table` of BigQuery. Raises Misconfigured and Transient."""
    path = Path(source)
    try:
        if path.suffix.lower() == ".csv":
            return pyarrow.csv.read_csv(path)
        if path.suffix.lower() == ".parquet":
            return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise Misconfigured(f"{source} cannot be read: {error}") from error
    if path.exists() or not re.fullmatch(r"\w+\.[\w-]+", source):
        raise Misconfigured(f"{source!r} must be a .parquet or .csv file, or a dataset.table of BigQuery")
    client = bigquery_client(settings)
    try:
        rows = client.list_rows(f"{client.project}.{source}", timeout=REQUEST_TIMEOUT)
        return rows.to_arrow(create_bqstorage_client=False)
    except CLOUD_FAULTS as error:
        raise cloud_error(error, f"{source} could not be read") from error


def import_regimes(table: pa.Table, known: RegimeCalendar, today: date) -> ImportedRegimes:
    """Make a calendar of a table's rows, which are days or ranges of days (both ends included).

    A regime's weight and description are those in the table, or else those it has in `known`. Raises
    Misconfigured for what cannot be told, for overlaps, and for gaps that no weekend explains.
    """
    rows = sorted(_rows(table, known), key=lambda row: row.first)
    if not rows:
        raise Misconfigured("the calendar has no rows")
    ranges: list[RegimeRange] = []
    filled = 0
    for row in rows:
        if not ranges:
            ranges.append(row)
            continue
        last = ranges[-1]
        filled += _check_follows(last, row)
        if last.regime == row.regime:
            ranges[-1] = RegimeRange(last.regime, last.first, row.last)
        else:
            until = row.first - timedelta(days=1)
            ranges[-1:] = [RegimeRange(last.regime, last.first, until), row]
    calendar = RegimeCalendar(tuple(ranges))
    return ImportedRegimes(calendar, filled, tuple(_warnings(calendar, known, today)))


def calendar_text(calendar: RegimeCalendar) -> str:
    """A calendar as a regimes file has it."""
    return yaml.safe_dump(
        [
            {
                "regime": each.regime.name,
                "from": each.first,
                "to": each.last,
                "weight": each.regime.weight,
                **({"description": each.regime.description} if each.regime.description else {}),
            }
            for each in calendar.ranges
        ],
        sort_keys=False,
        allow_unicode=True,
    )


def _rows(table: pa.Table, known: RegimeCalendar) -> Iterator[RegimeRange]:
    columns = {name.lower(): name for name in reversed(table.column_names)}
    regime = _column(columns, _REGIME, "the regime")
    # Days go before ranges: the tables of this package say of each day also which range it is of.
    if any(name in columns for name in _FIRST) and not any(name in columns for name in _DAY):
        first, last = _column(columns, _FIRST, "the first day"), _column(columns, _LAST, "the last day")
    else:
        first = last = _column(columns, _DAY, "the day")
    names = [str(name) for name in _present(table, regime)]
    firsts, lasts = _dates(table, first), _dates(table, last)
    regimes = _regimes(table, columns, names, known)
    for name, begin, end in zip(names, firsts, lasts, strict=True):
        if end < begin:
            raise Misconfigured(f"{name} ends on {end}, before it begins on {begin}")
        yield RegimeRange(regimes[name], begin, end)


def _column(columns: Mapping[str, str], candidates: Sequence[str], what: str) -> str:
    for candidate in candidates:
        if candidate in columns:
            return columns[candidate]
    raise Misconfigured(f"the calendar has no column with {what}: it must be called {', '.join(candidates)}")


def _present(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table[name].to_pylist()
    if None in values:
        raise Misconfigured(f"row {values.index(None) + 1} of the calendar has no {name}")
    return values


def _dates(table: pa.Table, name: str) -> list[date]:
    cast = find_cast(table[name].type, "DATE")
    if cast is None:
        raise Misconfigured(f"{name} is {table[name].type}, and must hold dates")
    try:
        chunks = [cast.apply(chunk) for chunk in table[name].chunks]
    except UnsafeCast as error:
        raise Misconfigured(f"{name}: {error}") from error
    return _present(pa.table({name: pa.chunked_array(chunks, pa.date32())}), name)


def _regimes(
    table: pa.Table, columns: Mapping[str, str], names: Sequence[str], known: RegimeCalendar
) -> Mapping[str, Regime]:
    """Each regime with its weight and description."""
    regimes = {each.regime.name: each.regime for each in known.ranges}
    if "weight" in columns:
        descriptions = table[columns["description"]].to_pylist() if "description" in columns else None
        found = dict[str, Regime]()
        for number, (name, weight) in enumerate(zip(names, _present(table, columns["weight"]), strict=True)):
            if weight != int(weight):
                raise Misconfigured(f"{name} has the weight {weight}; it must be a whole number")
            said = descriptions[number] if descriptions else None
            regime = Regime(name, int(weight), said or "")
            if found.setdefault(name, regime).weight != regime.weight:
                raise Misconfigured(f"{name} has two weights, {found[name].weight} and {regime.weight}")
        return found
    if missing := sorted(set(names) - regimes.keys()):
        wanted = "give the calendar a column weight, or put them into the regimes file first"
        raise Misconfigured(f"no weight is known of {', '.join(missing)}; {wanted}")
    return regimes


def _check_follows(last: RegimeRange, row: RegimeRange) -> int:
    """How many days are between two ranges, which neither overlap nor are further apart than a weekend."""
    if row.first <= last.last:
        raise Misconfigured(
            f"{last.regime.name} (to {last.last}) and {row.regime.name} (from {row.first}) overlap; every day"
            " must have one regime"
        )
    between = (row.first - last.last).days - 1
    if between > _LONGEST_BREAK:
        raise Misconfigured(
            f"there is a gap of {between} days between {last.regime.name} (to {last.last}) and"
            f" {row.regime.name} (from {row.first}); every day must have a regime"
        )
    return between


def _warnings(calendar: RegimeCalendar, known: RegimeCalendar, today: date) -> Iterator[str]:
    end = calendar.ranges[-1].last
    if end < today:
        yield f"the calendar ended on {end}: rows of later dates go to quarantine"
    elif end < today + _SOON:
        days_left = (end - today).days
        yield f"the calendar ends on {end}, in {days_left} days: rows of later dates go to quarantine"
    days = {day for each in calendar.ranges for day in _days(each)}
    if lost := sorted({day for each in known.ranges for day in _days(each)} - days):
        yield f"{len(lost):,} days lose their regime, from {lost[0]} to {lost[-1]}"


def _days(period: RegimeRange) -> Iterator[date]:
    return (period.first + timedelta(days=number) for number in range(period.days))
