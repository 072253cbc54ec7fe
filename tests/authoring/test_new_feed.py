"""Whatever a file is like, the contract made from it loads that file, and every value is what it was."""

import math
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.tables import CALENDAR, Bucket, days, nesting, open_source, to_parquet

from cbi.authoring.new_feed import NewFeed, Wishes, make_feed
from cbi.checks.validation import validate
from cbi.contract.feed import Feed
from cbi.contract.parse import parse_text
from cbi.enrich.rewrite import rewrite
from cbi.errors import InvalidFile, Misconfigured

WISHES = Wishes("features.made")


def made(folder: Path, *tables: pa.Table, wishes: Wishes = WISHES) -> NewFeed:
    paths = [folder / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        to_parquet(table, path, row_group_size=7)
    return make_feed(paths, wishes, CALENDAR)


def parsed(new: NewFeed) -> Feed:
    return parse_text("made", new.text.encode(), "made.yaml")


def loaded(table: pa.Table, feed: Feed) -> pa.Table:
    """What the table would get of a file: its leaves by the file's columns they come from."""
    content = to_parquet(table, row_group_size=7)
    validation = validate(open_source(content), feed, CALENDAR)
    assert validation.failure is None
    assert [warning for warning in validation.warnings if "not in the contract" not in warning] == []
    assert validation.report.rows_skipped == 0
    bucket, source = Bucket(), open_source(content)
    run = nesting(source.schema, feed)
    written = rewrite(source, run, validation.date_intervals, None, bucket.open_sink)
    rows = pa.concat_tables([bucket.read(part.name) for part in written.parts])
    while any(pa.types.is_struct(kind) for kind in rows.schema.types):
        rows = rows.flatten()
    return pa.table({source: rows[leaf.path] for source, leaf in feed.sources.items()})


def is_same(value: Any, leaf: Any) -> bool:
    """Whether a value of the file and one of the table are the same, found out without the package."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return leaf is None
    if isinstance(leaf, datetime):
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        return bool(leaf == (value if value.tzinfo else value.replace(tzinfo=UTC)))
    if isinstance(leaf, date):
        if isinstance(value, datetime):
            return leaf == value.date()
        if isinstance(value, int | float | Decimal):
            value = str(int(value))
        return leaf == (datetime.fromisoformat(value).date() if isinstance(value, str) else value)
    if isinstance(leaf, float):
        return float(value) == leaf
    return bool(value == leaf)


def values_of(table: pa.Table, name: str) -> list[Any]:
    """A column's values, or those of a field inside a STRUCT by its path."""
    if name in table.column_names:
        found: list[Any] = table[name].to_pylist()
        return found
    column = next(each for each in table.column_names if name.startswith(f"{each}."))
    values: list[Any] = table[column].to_pylist()
    for step in name[len(column) + 1 :].split("."):
        values = [None if value is None else value[step] for value in values]
    return values


def assert_loaded_unchanged(table: pa.Table, feed: Feed) -> None:
    result = loaded(table, feed)
    assert result.num_rows == table.num_rows
    for name in result.column_names:
        pairs = zip(values_of(table, feed.sources[name].column or ""), result[name].to_pylist(), strict=True)
        assert [(value, leaf) for value, leaf in pairs if not is_same(value, leaf)] == [], name


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
NAMES = st.one_of(
    st.sampled_from(
        [
            "symbol",
            "Close",
            "close",
            "vol rv",
            "vol_rv",
            "vol_x",
            "vol_y",
            "vol_2",
            "date",
            "Trade Date",
            "no",
        ]
    ),
    st.sampled_from(["run_id", "regime", "ingestion_ts", "_PARTITIONDATE", "größe", "a.b", "24h", "%", "夏"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6),
)
VALUES: list[tuple[st.SearchStrategy[Any], pa.DataType]] = [
    (st.booleans(), pa.bool_()),
    (st.integers(-128, 127), pa.int8()),
    (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    (st.integers(0, 2**64 - 1), pa.uint64()),
    (st.floats(), pa.float64()),
    (st.floats(width=32), pa.float32()),
    (st.decimals(-99, 99, places=2, allow_nan=False), pa.decimal128(10, 2)),
    (st.decimals(-(10**20), 10**20, places=0, allow_nan=False), pa.decimal128(30, 0)),
    (TEXT, pa.string()),
    (TEXT, pa.large_string()),
    (st.sampled_from(["ZL", "MES"]), pa.dictionary(pa.int32(), pa.string())),
    (st.binary(max_size=4), pa.binary()),
    (st.dates(), pa.date32()),
    (st.dates().map(lambda day: int(day.strftime("%Y%m%d"))), pa.int32()),
    (st.dates().map(str), pa.string()),
    (st.dates(date(1950, 1, 1), date(2100, 1, 1)).map(lambda day: f"{day:%Y%m%d}"), pa.string()),
    (st.datetimes(), pa.timestamp("us")),
    (st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()), pa.string()),
    (st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1)), pa.timestamp("us", "America/New_York")),
    (st.none(), pa.null()),
    (st.fixed_dictionaries({"x": st.none() | st.integers(0, 9)}), pa.struct({"x": pa.int8()})),
    (
        st.fixed_dictionaries({"a b": st.none() | st.fixed_dictionaries({"y": TEXT})}),
        pa.struct({"a b": pa.struct({"y": pa.string()})}),
    ),
    (st.lists(st.integers(0, 3)), pa.list_(pa.int64())),
    (st.times(), pa.time64("us")),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of columns of any type and name, most of them with something that tells rows apart."""
    rows = draw(st.integers(1, 20))
    columns: dict[str, pa.Array] = {}
    if draw(st.integers(0, 4)):
        unique = draw(
            st.permutations(days(rows, draw(st.sampled_from([date(2024, 1, 1), date(1999, 1, 1)]))))
        )
        columns[draw(st.sampled_from(["date", "data_date", "when", "Day"]))] = pa.array(unique, pa.date32())
    for name in draw(st.lists(NAMES, min_size=1, max_size=8, unique=True)):
        values, kind = draw(st.sampled_from(VALUES))
        nulls = draw(st.sampled_from([st.none(), st.nothing()]))
        columns.setdefault(name, pa.array(draw(st.lists(nulls | values, min_size=rows, max_size=rows)), kind))
    return pa.table(columns)


@given(tables(), st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_the_contract_made_from_a_file_loads_it_unchanged(
    tmp_path_factory: pytest.TempPathFactory, table: pa.Table, flat: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        new = made(folder, table, wishes=Wishes("features.made", flat=flat))
    except Misconfigured as error:
        if not str(error).startswith("no column of the files may be a key"):
            raise
        event("no key")
        return
    feed = parsed(new)
    if any("share their key" in warning for warning in new.warnings):
        event("rows twice")
        failure = validate(open_source(table), feed, CALENDAR).failure
        assert failure is not None
        return
    event("loaded")
    assert_loaded_unchanged(table, feed)
    sources = [*feed.sources]
    left_out = {
        name for name in table.column_names if not any(f"{each}.".startswith(f"{name}.") for each in sources)
    }
    assert all(any(repr(name) in warning for warning in new.warnings) for name in left_out)
    assert all(_is_no_column(table[name]) for name in left_out)


def _is_no_column(column: pa.ChunkedArray) -> bool:
    """Whether no type of a table can hold a column."""
    if pa.types.is_list(column.type) or pa.types.is_time(column.type):
        return True
    beyond = [value for value in column.to_pylist() if value is not None and abs(value) > 2**53]
    return bool(beyond)


def yahoo(rows: int = 40) -> pa.Table:
    """As a download of one symbol's history has it."""
    opens = [datetime(2024, 1, 2, 14, 30, tzinfo=UTC) + timedelta(days=number) for number in range(rows)]
    prices = [45.0 + number / 8 for number in range(rows)]
    names = ["Open", "High", "Low", "Close", "Adj Close"]
    columns = dict.fromkeys(names, prices) | {"Volume": list(range(1000, 1000 + rows))}
    return pa.table({"Date": pa.array(opens, pa.timestamp("ns", "America/New_York")), **columns})


def matrix(columns: int, rows: int = 200) -> pa.Table:
    """As a desk's feature matrix has it: two symbols, a row a day, the date as a number."""
    every = [(symbol, day) for day in days(rows // 2, date(2024, 1, 1)) for symbol in ("ZL", "MES")]
    floats = {
        f"{'abcdefgh'[number % 8] * 3}_f{number}": [float(number)] * len(every) for number in range(columns)
    }
    dates = pa.array([int(f"{day:%Y%m%d}") for _, day in every], pa.int32())
    return pa.table({"symbol": [symbol for symbol, _ in every], "as_of_date": dates, **floats})


def test_a_yahoo_download_is_loaded_by_its_day(tmp_path: Path) -> None:
    new = made(tmp_path, yahoo())
    feed = parsed(new)
    assert (feed.key, feed.partition_by) == (("Date",), "Date")
    assert feed.sources["Date"].field.read_as == "date"
    assert feed.sources["Adj Close"].path == "Adj_Close"
    assert_loaded_unchanged(yahoo(), feed)


def test_a_matrix_gets_its_key_clustering_structs_and_regime(tmp_path: Path) -> None:
    table = matrix(42, 60)
    feed = parsed(made(tmp_path, table))
    assert (feed.key, feed.partition_by, feed.cluster_by) == (
        ("symbol", "as_of_date"),
        "as_of_date",
        ("symbol",),
    )
    assert feed.sources["as_of_date"].field.format == "%Y%m%d"
    assert feed.sources["aaa_f0"].path == "aaa.f0"
    assert feed.enrich == {
        "regime.name": "regime",
        "regime.weight": "weight",
        "ingestion_ts": "finalized_at",
        "run_id": "run_id",
    }
    assert_loaded_unchanged(table, feed)


def test_dates_without_a_regime_are_told_instead_of_quarantined(tmp_path: Path) -> None:
    new = made(tmp_path, matrix(3, 200))
    assert "No regime: 40 of 100 dates have none" in new.text
    assert not parsed(new).needs_regime


def test_several_files_have_one_contract(tmp_path: Path) -> None:
    one, other = matrix(3, 20), matrix(5, 20)
    other = other.set_column(2, "aaa_f0", pa.array([1] * 20, pa.int32()))
    feed = parsed(made(tmp_path, one, other.slice(10), wishes=Wishes("a.b", key=("symbol", "as_of_date"))))
    assert feed.sources["aaa_f0"].field.type == "FLOAT64"
    assert_loaded_unchanged(other, feed)


def test_rows_that_are_there_twice_are_told(tmp_path: Path) -> None:
    table = matrix(2, 20)
    new = made(tmp_path, pa.concat_tables([table, table]))
    assert "40 rows share it with another" in new.text
    assert new.warnings[0].startswith("40 rows share their key (symbol, as_of_date) with another")


def test_times_of_a_day_are_the_key_where_they_tell_rows_apart(tmp_path: Path) -> None:
    times = [datetime(2024, 1, 2, hour, tzinfo=UTC) for hour in range(20)]
    table = pa.table({"symbol": ["ZL"] * 20, "at_time": pa.array(times, pa.timestamp("us", "UTC"))})
    feed = parsed(made(tmp_path, table))
    assert (feed.key, feed.partition_by) == (("at_time",), "day")
    assert feed.needs_regime
    assert_loaded_unchanged(table, feed)


def test_a_struct_of_the_file_is_one_of_the_table(tmp_path: Path) -> None:
    books = [{"bid": 1.0, "best": {"ask": float(number)}} for number in range(20)]
    table = matrix(2, 20).append_column("book", pa.array(books))
    feed = parsed(made(tmp_path, table))
    paths = {source: leaf.path for source, leaf in feed.sources.items() if source.startswith("book")}
    assert paths == {"book.bid": "book.bid", "book.best.ask": "book.best_ask"}
    assert_loaded_unchanged(table, feed)


WRONG: Sequence[tuple[Wishes, str]] = [
    (Wishes("a.b", key=("nobody",)), "--key names 'nobody', which no file has"),
    (Wishes("a.b", key=("aaa_f0",)), "it must be a type that compares exactly"),
    (Wishes("a.b", partition_by="symbol"), "--partition-by names 'symbol', whose values are no dates"),
    (Wishes("nowhere"), "table is 'nowhere'"),
]


@pytest.mark.parametrize(("wishes", "said"), WRONG)
def test_a_wish_that_cannot_be_is_refused(tmp_path: Path, wishes: Wishes, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        made(tmp_path, matrix(2, 20), wishes=wishes)


def test_files_without_rows_are_told_of(tmp_path: Path) -> None:
    assert not any("no rows" in warning for warning in made(tmp_path, yahoo()).warnings)
    assert any("the files have no rows" in warning for warning in made(tmp_path, yahoo(0)).warnings)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    to_parquet(yahoo(), tmp_path / "good.parquet")
    (tmp_path / "bad.csv").write_text("Date,Open\n2024-01-02,1.5\n")
    with pytest.raises(InvalidFile, match=r"bad\.csv: the file does not end as parquet does"):
        make_feed([tmp_path / "good.parquet", tmp_path / "bad.csv"], WISHES, CALENDAR)


def test_1948_columns_take_less_than_two_seconds(tmp_path: Path) -> None:
    to_parquet(matrix(1946, 1000), tmp_path / "wide.parquet")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        new = make_feed([tmp_path / "wide.parquet"], WISHES, CALENDAR)
        seconds.append(time.perf_counter() - start)
    assert len(parsed(new).sources) == 1948
    assert min(seconds) < 1.5  # the process itself starts in less than half a second
