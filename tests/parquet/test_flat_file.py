"""A flat file is read as a parquet source reads it, whatever columns are asked for."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flat_files import flat_files
from support.splicing import comparable, open_flat
from support.tables import open_source


@given(flat_files(), st.data())
@settings(deadline=None)
def test_the_columns_are_those_of_a_parquet_source(content: bytes, data: st.DataObject) -> None:
    file, source = open_flat(content), open_source(content)
    assert file.schema.equals(source.schema, check_metadata=True)
    assert (file.rows, file.created_by) == (source.rows, source.created_by)
    names = data.draw(st.none() | st.lists(st.sampled_from(source.schema.names), min_size=1, unique=True))
    found = pa.Table.from_batches(file.batches(names))
    wanted = pa.Table.from_batches(source.batches(names))
    assert found.schema.equals(wanted.schema)
    assert comparable(found).equals(comparable(wanted))


@given(flat_files())
@settings(deadline=None)
def test_text_can_be_read_as_codes(content: bytes) -> None:
    file = open_flat(content)
    codes = pa.Table.from_batches(file.batches(["symbol"], as_dictionary=["symbol"]))["symbol"]
    assert pa.types.is_dictionary(codes.type)
    assert codes.to_pylist() == [text for batch in file.batches(["symbol"]) for text in batch[0].to_pylist()]
