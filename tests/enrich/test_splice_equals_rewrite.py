"""Whatever a file is like, splicing it gives the rows that rewriting it gives."""

import os
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.flat_files import flat_files
from support.splicing import comparable, every_type, read, rewritten, spliced
from support.tables import days

from cbi.contract.parts import DateInterval

EXAMPLES = int(os.environ.get("SPLICE_EXAMPLES") or examples(150))


@st.composite
def interval_lists(draw: st.DrawFn) -> tuple[DateInterval, ...]:
    """All dates in one part, or cut into two."""
    cut = draw(st.none() | st.sampled_from(days(70)))
    if cut is None:
        return (DateInterval(date.min, date.max),)
    return DateInterval(date.min, cut), DateInterval(cut + timedelta(days=1), date.max)


@given(flat_files(), interval_lists(), st.none() | st.integers(1, 30), st.sampled_from([1, 1 << 16]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_parts_of_a_splice_are_those_of_a_rewrite(
    content: bytes, date_intervals: tuple[DateInterval, ...], batch_rows: int | None, small_chunk: int
) -> None:
    """Below `small_chunk` bytes chunks are decoded to find NaNs; of others the pages are looked at."""
    feed = every_type() if batch_rows is None else every_type(batch_rows=batch_rows)
    wanted, bucket = rewritten(content, feed, date_intervals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cbi.enrich.splice.nans._SMALL_CHUNK", small_chunk)
        plan, parts = spliced(content, feed, date_intervals)
    event(f"{plan.reusable_fraction:.0%} kept")
    assert [part.part for part in plan.parts] == list(wanted.parts)
    for part, joined in zip(plan.parts, parts, strict=True):
        assert joined.startswith(content)
        assert read(joined).cast(feed.arrow_schema).equals(bucket.read(part.name))
    skipped = [*plan.rows_left_out()]
    assert (wanted.quarantine_object is not None) == bool(skipped)
    if skipped:
        found, kept = pa.Table.from_batches(skipped), bucket.read("skipped")
        assert found.schema.equals(kept.schema)
        assert comparable(found).equals(comparable(kept))
