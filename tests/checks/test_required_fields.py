"""The columns a file must have are there, and without NULLs."""

import pyarrow as pa
import pytest
from support.splicing import open_flat
from support.tables import CALENDAR, SMALL_CONTRACT, days, open_source, small_feed, small_table, to_parquet

from cbi.checks.quality import DataQualityChecker
from cbi.checks.required_fields import RequiredFieldsCheck
from cbi.checks.scan import scan_file
from cbi.checks.validation import judge
from cbi.contract.feed import Feed
from cbi.findings import RequiredFields
from cbi.parquet.source import Source

checker = DataQualityChecker(small_feed())


def test_a_table_with_all_of_them_is_valid() -> None:
    found = checker.validate_required_fields(small_table(3))
    assert found == RequiredFields(is_valid=True, null_counts={"symbol": 0, "day": 0})


def test_every_missing_one_is_named() -> None:
    found = checker.validate_required_fields(pa.table({"price": [1.0]}))
    assert (found.is_valid, found.missing_fields) == (False, ("symbol", "day"))


def test_nulls_are_counted_in_every_column() -> None:
    table = pa.table({"symbol": ["ZL", None, None], "day": [None, *days(2)]})
    found = checker.validate_required_fields(table)
    assert (found.is_valid, found.missing_fields, found.null_counts) == (False, (), {"symbol": 2, "day": 1})


def test_other_columns_may_be_missing_or_null() -> None:
    table = small_table(2, price=pa.nulls(2, pa.float64()))
    assert checker.validate_required_fields(table).is_valid


def counted_by(feed: Feed, source: Source) -> tuple[RequiredFields, bool]:
    """The finding in a whole file, and whether the column `count` was read for it."""
    file = scan_file(source, feed)
    check = next(check for check, _ in file.observations if isinstance(check, RequiredFieldsCheck))
    report = judge(file, CALENDAR).report
    return report.required_fields, "count" in check.columns(file.scan.file)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64()])
@pytest.mark.parametrize("counts", [[1, None, 3], [1, 2, 3]])
def test_nulls_are_counted_alike_from_the_footer_and_from_the_values(
    kind: pa.DataType, counts: list[int | None]
) -> None:
    contract = SMALL_CONTRACT["schema"][:2]
    feed = small_feed(
        schema=[*contract, {"name": "count", "type": "INT64", "mode": "REQUIRED"}], enrich={}, checks={}
    )
    content = to_parquet(small_table(3, count=pa.array(counts, kind)))
    from_footer, read = counted_by(feed, open_flat(content))
    from_values, _ = counted_by(feed, open_source(content))
    assert from_footer == from_values
    assert from_footer.null_counts["count"] == counts.count(None)
    assert read == pa.types.is_floating(kind), "a footer proves nothing of floats, which may be NaN"
