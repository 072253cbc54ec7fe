"""Parquet files damaged at random: in their bytes, and in what their structure says."""

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from cbi.parquet import thrift
from cbi.parquet.column_chunk import decode_chunk
from cbi.parquet.footer import MAGIC, TAIL_BYTES, RowGroup, SchemaElement
from cbi.parquet.spec import ColumnChunk, FileMetaData, PageHeader, PageType
from cbi.parquet.spec import RowGroup as RowGroupFields
from cbi.parquet.thrift import MalformedThrift, Struct
from cbi.parquet.thrift_types import I16, I32, I64, LIST, STRUCT
from support.hostile_files import HOSTILE, many_row_groups
from support.parquet_pages import Page, footer_of, footer_start, pages_of, with_chunk, with_footer, with_pages

T = TypeVar("T")

CORPUS = Path(__file__).parents[1] / "faults/corpus"

# Every so many files the seed is one that is much to decode as it is.
_HOSTILE_EVERY = 40

_CODECS = {1: "snappy", 2: "gzip", 6: "zstd", 7: "lz4_raw"}

# What numbers are replaced by: the edges of what a field can say, and neighbours.
_EDGES = (0, 1, -1, 127, 128, 2**15, 2**16, 2**31 - 1, -(2**31), 2**31, 2**32, 2**62)


def mutated(number: int) -> bytes:
    """The file of a number: always the same bytes."""
    chance = random.Random(number)
    content = chance.choice(_heavy() if number % _HOSTILE_EVERY == 0 else _seeds())
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        mutate = chance.choice(_MUTATIONS)
        try:
            content = mutate(content, chance)
        except (MalformedThrift, LookupError, ValueError, OSError, OverflowError, struct.error):
            break  # what an earlier mutation left has not the structure that this one changes
    return content


@cache
def _seeds() -> Sequence[bytes]:
    light = [HOSTILE[name]() for name in ("dictionary_shorter_than_its_codes", "broken_text_dates")]
    return [path.read_bytes() for path in sorted(CORPUS.glob("*.parquet"))] + light


@cache
def _heavy() -> Sequence[bytes]:
    heavy = [HOSTILE[name]() for name in ("one_long_string", "long_dictionary_entries", "many_equal_rows")]
    return [*heavy, many_row_groups(300)]


def _edge(chance: random.Random, value: int, smallest: int = -(2**62), largest: int = 2**62) -> int:
    edges = [*_EDGES, value + 1, value - 1, 2 * value, value // 2, -value, value * 1000]
    return min(max(chance.choice(edges), smallest), largest)


# Bytes, whatever they mean.


def _in_bytes(change: Callable[[bytearray, random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def mutate(content: bytes, chance: random.Random) -> bytes:
        data = bytearray(content)
        change(data, chance)
        return bytes(data)

    return mutate


def _flip(data: bytearray, chance: random.Random, first: int, last: int, most: int = 8) -> None:
    for _ in range(chance.randint(1, most)):
        data[chance.randrange(first, last)] ^= 1 << chance.randrange(8)


def flip_anywhere(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, 0, len(data))


def flip_in_footer(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, footer_start(bytes(data)), len(data) - 8, most=3)


def flip_in_pages(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, 4, footer_start(bytes(data)))


def change_footer_length(data: bytearray, chance: random.Random) -> None:
    length = chance.choice((0, 1, len(data), 2**31, 2**32 - 1, chance.randrange(2**32)))
    data[-8:-4] = struct.pack("<I", length)


def cut_off(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def cut_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 200)]


def overwrite(data: bytearray, chance: random.Random) -> None:
    start, length = chance.randrange(len(data)), chance.randint(1, 64)
    data[start : start + length] = chance.choice((b"\x00", b"\xff")) * length


def repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randint(1, 500)]


# Structs of the footer.


def _with_other_number(struct: Struct, chance: random.Random) -> Struct:
    """A struct with an edge in place of one of its integers, or of one in a struct inside it."""
    fields = [number for number, (kind, _) in struct.items() if kind in (I16, I32, I64, STRUCT)]
    number = chance.choice(fields)
    kind, value = struct[number]
    if kind == STRUCT:
        return struct.replaced({number: thrift.struct(_with_other_number(Struct.decode(value), chance))})
    changed = thrift.encode_integer(_edge(chance, thrift.read_integer(value)))
    return struct.replaced({number: (kind, changed)})


def number_in_chunk(content: bytes, chance: random.Random) -> bytes:
    """What the footer says of a column chunk: sizes, offsets, counts, its type and codec."""
    group, leaf = _chunk(content, chance)
    raw = Struct.decode(footer_of(content).row_groups[group].chunks[leaf].raw)
    changed, _ = decode_chunk(_with_other_number(raw, chance).encode(), 0)
    return with_chunk(content, group, leaf, changed)


def number_in_row_group(content: bytes, chance: random.Random) -> bytes:
    footer = footer_of(content)
    groups = list(footer.row_groups)
    number = chance.randrange(len(groups))
    changed = _with_other_number(groups[number].struct, chance)
    rows = changed.integer(RowGroupFields.NUM_ROWS) or 0
    groups[number] = RowGroup(changed, rows, groups[number].chunks)
    return with_footer(content, replace(footer, row_groups=tuple(groups)))


def number_in_schema(content: bytes, chance: random.Random) -> bytes:
    """Types, repetitions, numbers of children."""
    footer = footer_of(content)
    schema = list(footer.schema)
    number = chance.randrange(len(schema))
    schema[number] = SchemaElement.decode(_with_other_number(schema[number].struct, chance).encode())
    return with_footer(content, replace(footer, schema=tuple(schema)))


def number_of_rows(content: bytes, chance: random.Random) -> bytes:
    footer = footer_of(content)
    rows = thrift.i64(_edge(chance, footer.rows))
    return with_footer(content, replace(footer, struct=footer.struct.replaced({FileMetaData.NUM_ROWS: rows})))


# Lists.


def lists_of_footer(content: bytes, chance: random.Random) -> bytes:
    """The schema, the row groups, or a row group's chunks: repeated, left out, or in another order."""
    footer = footer_of(content)
    which = chance.randrange(3)
    if which == 0:
        return with_footer(content, replace(footer, schema=tuple(_other_list(footer.schema, chance))))
    if which == 1:
        return with_footer(content, replace(footer, row_groups=tuple(_other_list(footer.row_groups, chance))))
    groups = list(footer.row_groups)
    number = chance.randrange(len(groups))
    groups[number] = replace(groups[number], chunks=tuple(_other_list(groups[number].chunks, chance)))
    return with_footer(content, replace(footer, row_groups=tuple(groups)))


def _other_list(elements: Sequence[T], chance: random.Random) -> list[T]:
    changed = list(elements)
    place = chance.randrange(len(changed))
    match chance.randrange(4):
        case 0:
            del changed[place]
        case 1:
            changed[place:place] = [changed[place]] * chance.choice((1, 2, 50, 2000))
        case 2:
            chance.shuffle(changed)
        case _:
            changed = changed[:place]
    return changed


def length_of_list(content: bytes, chance: random.Random) -> bytes:
    """A list of the footer, or of a chunk's metadata, that says another length than it has."""
    start, end = footer_start(content), len(content) - TAIL_BYTES
    if chance.random() < 0.3:
        changed = _other_length(Struct.decode(content[start:end]), chance).encode()
    else:
        group, leaf = _chunk(content, chance)
        chunk = Struct.decode(raw := footer_of(content).row_groups[group].chunks[leaf].raw)
        metadata = chunk.struct(ColumnChunk.META_DATA) or Struct()
        lied = thrift.struct(_other_length(metadata, chance))
        changed = content[start:end].replace(raw, chunk.replaced({ColumnChunk.META_DATA: lied}).encode(), 1)
    return content[:start] + changed + len(changed).to_bytes(4, "little") + MAGIC


def _other_length(struct: Struct, chance: random.Random) -> Struct:
    number = chance.choice([number for number, (kind, _) in struct.items() if kind == LIST])
    _, value = struct[number]
    size = chance.choice((0, 1, 13, 15, 1 << 20, 2**31 - 1, 2**63))
    varint = thrift.encode_integer(size // 2)
    return struct.replaced({number: (LIST, bytes([0xF0 | value[0] & 15]) + varint + value[1:])})


# Pages.


def _chunk(content: bytes, chance: random.Random) -> tuple[int, int]:
    groups = footer_of(content).row_groups
    group = chance.randrange(len(groups))
    return group, chance.randrange(len(groups[group].chunks))


def _in_page(
    change: Callable[[Page, int, random.Random], Page],
) -> Callable[[bytes, random.Random], bytes]:
    def mutate(content: bytes, chance: random.Random) -> bytes:
        group, leaf = _chunk(content, chance)
        chunk = footer_of(content).row_groups[group].chunks[leaf]
        pages = pages_of(content, chunk)
        number = chance.randrange(len(pages))
        pages[number] = change(pages[number], chunk.codec, chance)
        return with_pages(content, group, leaf, pages)

    return mutate


def number_in_page_header(page: Page, _: int, chance: random.Random) -> Page:
    """Sizes, types, encodings, numbers of values, of a dictionary's too."""
    return Page(_with_other_number(page.header, chance), page.body)


def size_of_dictionary(page: Page, _: int, chance: random.Random) -> Page:
    described = page.header.struct(PageHeader.DICTIONARY_PAGE_HEADER) or Struct({1: thrift.i32(1)})
    changed = _with_other_number(described, chance)
    return Page(page.header.replaced({PageHeader.DICTIONARY_PAGE_HEADER: thrift.struct(changed)}), page.body)


def level_runs(page: Page, codec: int, chance: random.Random) -> Page:
    """The definition levels: their length, and how long a run of them is."""
    body = bytearray(_uncompressed(page, codec))
    if chance.random() < 0.5:
        body[:4] = struct.pack("<I", chance.choice((0, 1, len(body), 2**31, 2**32 - 1)))
    else:
        run = thrift.encode_integer(_edge(chance, 20, 0))
        length = 4 + int.from_bytes(body[:4], "little")
        body[:length] = struct.pack("<I", len(run) + 1) + run + b"\x01"
    return _compressed(page, bytes(body), codec, chance)


def code_runs(page: Page, codec: int, chance: random.Random) -> Page:
    """The codes of a dictionary's entries: their width, runs, and which entries they name."""
    body = bytearray(_uncompressed(page, codec))
    at = min(4 + int.from_bytes(body[:4], "little"), len(body) - 1) if len(body) > 4 else 0
    match chance.randrange(3):
        case 0:
            body[at] = chance.choice((0, 1, 8, 31, 32, 33, 64, 255))
        case 1:
            body[at + 1 : at + 2] = thrift.encode_integer(_edge(chance, 20, 0))
        case _:
            _flip(body, chance, at, len(body), most=4)
    return _compressed(page, bytes(body), codec, chance)


def string_lengths(page: Page, codec: int, chance: random.Random) -> Page:
    """The length before a text, in a dictionary or among plain values."""
    body = bytearray(_uncompressed(page, codec))
    is_dictionary = page.header.integer(PageHeader.TYPE) == PageType.DICTIONARY_PAGE
    at = 0 if is_dictionary else 4 + int.from_bytes(body[:4], "little")
    for _ in range(chance.randrange(20)):
        following = at + 4 + int.from_bytes(body[at : at + 4], "little")
        if following + 4 > len(body):
            break
        at = following
    length = int.from_bytes(body[at : at + 4], "little")
    body[at : at + 4] = struct.pack("<I", _edge(chance, length, 0, 2**32 - 1))
    return _compressed(page, bytes(body), codec, chance)


def values(page: Page, codec: int, chance: random.Random) -> Page:
    body = bytearray(_uncompressed(page, codec))
    _flip(body, chance, 0, len(body))
    return _compressed(page, bytes(body), codec, chance)


def _uncompressed(page: Page, codec: int) -> bytes:
    if codec not in _CODECS:
        return page.body
    size = page.header.integer(PageHeader.UNCOMPRESSED_PAGE_SIZE) or 0
    if size > 1 << 26:
        raise ValueError("too large to be changed inside")
    return bytes(pa.Codec(_CODECS[codec]).decompress(page.body, size).to_pybytes())


def _compressed(page: Page, body: bytes, codec: int, chance: random.Random) -> Page:
    """A page of other values, whose header mostly says their sizes."""
    stored = pa.Codec(_CODECS[codec]).compress(body, asbytes=True) if codec in _CODECS else body
    sizes: dict[int, thrift.Field | None] = {PageHeader.COMPRESSED_PAGE_SIZE: thrift.i32(len(stored))}
    if chance.random() < 0.9:
        sizes[PageHeader.UNCOMPRESSED_PAGE_SIZE] = thrift.i32(len(body))
    return Page(page.header.replaced(sizes), stored)


_MUTATIONS: Sequence[Callable[[bytes, random.Random], bytes]] = (
    *map(
        _in_bytes,
        (
            flip_anywhere,
            flip_in_footer,
            flip_in_pages,
            change_footer_length,
            cut_off,
            cut_out,
            overwrite,
            repeat,
        ),
    ),
    number_in_chunk,
    number_in_chunk,
    number_in_row_group,
    number_in_schema,
    number_of_rows,
    lists_of_footer,
    length_of_list,
    *map(
        _in_page,
        (
            number_in_page_header,
            number_in_page_header,
            size_of_dictionary,
            level_runs,
            code_runs,
            string_lengths,
            string_lengths,
            values,
        ),
    ),
)
