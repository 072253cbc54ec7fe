"""Regular expressions that read Thrift's compact protocol, several times as fast as Python code does.

They are written without choice, so nothing is ever tried twice and a match ends just where a decoder's
reading would. They know the usual shapes only; what they do not match is decoded field by field.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from cbi.parquet.thrift_types import BINARY, FALSE, I32, I64, LIST, STRUCT, TRUE

Match = Callable[[bytes, int], "re.Match[bytes] | None"]

VARINT = rb"[\x80-\xff]*+[\x00-\x7f]"


def header(kind: int, number: int, previous: int = 0) -> bytes:
    """The header of a field that follows another, in the short form."""
    return any_byte([number - previous << 4 | kind])


def long_header(kind: int) -> bytes:
    """The first byte of a header in the long form, after which the field's number stands."""
    return any_byte([kind])


def headers(*kinds: int) -> bytes:
    """The header of any field of one of these types, in the short form."""
    return any_byte(delta << 4 | kind for delta in range(1, 16) for kind in kinds)


def any_byte(values: Iterable[int]) -> bytes:
    return b"[" + b"".join(re.escape(bytes([value])) for value in values) + b"]"


def one_of(alternatives: Iterable[bytes]) -> bytes:
    return b"(?:" + b"|".join(alternatives) + b")"


def short_binary(longest: int) -> bytes:
    """Bytes with their length before them, which is at most `longest` (and that below 128)."""
    # Eight bytes first: the minima and maxima of numbers.
    sizes = sorted(range(longest + 1), key=lambda size: size != 8)
    return one_of(re.escape(bytes([size])) + b".{%d}" % size for size in sizes)


def short_list(kind: int, size: int) -> bytes:
    """The header of a list of this size, which is below 15."""
    return any_byte([size << 4 | kind])


def short_lists(kinds: Iterable[int], element: bytes, longest: int) -> Iterator[bytes]:
    """Lists of at most `longest` elements (and that below 15), an alternative for each size."""
    for size in range(longest + 1):
        yield any_byte(size << 4 | kind for kind in kinds) + element * size


def fields(depth: int, text: bytes) -> bytes:
    """Any number of a struct's fields; strings are of the pattern `text`, structs at most `depth` deep."""
    elements = [*short_lists((I32, I64), VARINT, 6), *short_lists((BINARY,), text, 2)]
    kinds = [headers(I32, I64) + VARINT, headers(TRUE, FALSE), headers(BINARY) + text]
    if depth:
        inner = fields(depth - 1, text) + rb"\x00"
        kinds.append(headers(STRUCT) + inner)
        elements += short_lists((STRUCT,), inner, 4)
    kinds.append(headers(LIST) + one_of(elements))
    return one_of(kinds) + b"*+"
