"""Slices hold every key once, and their text is as long as was counted, or shorter."""

import json
from datetime import date

import pyarrow as pa
from google.cloud.bigquery import ArrayQueryParameter
from hypothesis import given
from hypothesis import strategies as st

from cbi.warehouse.key_slices import KeySlice, distinct, parameter_bytes

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1)
KEYS = st.lists(
    st.tuples(
        st.text("abc", max_size=3), st.text("xyé", max_size=40), st.dates(date(2024, 1, 1), date(2024, 1, 9))
    ),
    min_size=1,
    unique=True,
)


def encoded(texts: list[str]) -> pa.ChunkedArray:
    """Text in two chunks, each with a dictionary of its own."""
    middle = len(texts) // 2
    chunks = [pa.array(part, pa.string()).dictionary_encode() for part in (texts[:middle], texts[middle:])]
    return pa.chunked_array(chunks)


@given(TEXTS)
def test_text_is_counted_as_json_writes_it(texts: list[str]) -> None:
    values = distinct(encoded(texts))
    written = json.dumps(ArrayQueryParameter("key_0", "STRING", values.to_pylist()).to_api_repr())
    assert set(values.to_pylist()) == set(texts)
    assert len(written) - 200 <= parameter_bytes(values)


@given(KEYS, st.integers(1, 500))
def test_every_key_is_in_one_slice_and_none_is_larger_than_it_must_be(
    keys: list[tuple[str, str, date]], most_text: int
) -> None:
    symbols, desks, days = map(list, zip(*keys, strict=True))
    rows = pa.table({"symbol": encoded(symbols), "desk": encoded(desks), "day": days})
    slices = list(KeySlice(rows, "day", ("symbol", "desk")).slices(most_text))
    found = [tuple(row.values()) for part in slices for row in part.rows.to_pylist()]
    assert sorted(found) == sorted(keys)
    for part in slices:
        assert part.text_bytes <= most_text or len(part.rows["desk"].unique()) == 1
