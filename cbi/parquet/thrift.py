"""The Thrift compact protocol, as far as parquet's footer uses it.

Structs are decoded one level deep: what lies deeper stays the bytes it was, so it survives whether it is
understood or not. https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self, TypeVar

from cbi.parquet.thrift_types import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STRUCT,
    TRUE,
    UUID,
)
from cbi.parquet.unsplicable import Unsplicable

# Deeper nesting than any footer has: a forged one must not exhaust the stack.
_DEEPEST = 32

Field = tuple[int, bytes]
"""A struct's field: its type and its encoded value."""

T = TypeVar("T")

Element = Callable[[bytes, int], tuple[T, int]]
"""Decodes a list's element that begins at a place, and tells where it ends."""


class MalformedThrift(Unsplicable):
    """Bytes that are not Thrift's compact protocol, or not the structs they should be."""


class Struct(dict[int, Field]):
    """A struct's fields by number. Encoding what was decoded gives the same bytes."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decode a struct that takes up all of `data`. Raises MalformedThrift."""
        struct, _, end = cls.decode_at(data, 0)
        if end != len(data):
            raise MalformedThrift(f"a struct ends after {end} of its {len(data)} bytes")
        return struct

    @classmethod
    def decode_at(
        cls, data: bytes, at: int, number_of_list: int = 0, element: "Element[T] | None" = None
    ) -> tuple[Self, list[T], int]:
        """Decode the struct that begins at `at`, and tell where it ends. Raises MalformedThrift.

        One field that is a list may be named: `element` then decodes its elements, which are returned beside
        the struct instead of in it, so that a list of a hundred thousand structs is walked but once.
        """
        struct, elements, number = cls(), list[T](), 0
        try:
            while header := data[at]:
                at += 1
                if delta := header >> 4:
                    number += delta
                else:
                    number, at = _read_integer(data, at)
                if number == number_of_list and header & 15 == LIST and element is not None:
                    _, size, at = _list_header(data, at)
                    for _ in range(size):
                        decoded, at = element(data, at)
                        elements.append(decoded)
                    continue
                begin, at = at, skip(data, at, header & 15)
                struct[number] = header & 15, data[begin:at]
        except IndexError:
            raise MalformedThrift("the bytes end within a struct") from None
        return struct, elements, at + 1

    def encode(self) -> bytes:
        """The struct's bytes, its fields by number and in the shortest form."""
        pieces, last = [], 0
        for number, (kind, value) in sorted(self.items()):
            delta = number - last
            short = 0 < delta < 16
            pieces.append(bytes([delta << 4 | kind]) if short else bytes([kind]) + encode_integer(number))
            pieces.append(value)
            last = number
        pieces.append(b"\0")
        return b"".join(pieces)

    def integer(self, number: int) -> int | None:
        """The value of an integer field, None where there is none."""
        value = self._value(number, I16, I32, I64)
        return None if value is None else _read_integer(value, 0)[0]

    def boolean(self, number: int) -> bool | None:
        """The value of a boolean field, None where there is none."""
        return None if self._value(number, TRUE, FALSE) is None else self[number][0] == TRUE

    def binary(self, number: int) -> bytes | None:
        """The value of a string or binary field, None where there is none."""
        value = self._value(number, BINARY)
        return None if value is None else value[_read_length(value, 0)[1] :]

    def struct(self, number: int) -> "Struct | None":
        """A field that is a struct itself, None where there is none."""
        value = self._value(number, STRUCT)
        return None if value is None else Struct.decode(value)

    def items_of(self, number: int) -> list[bytes] | None:
        """A list's elements, still encoded; None where there is no such field."""
        value = self._value(number, LIST, SET)
        return None if value is None else _split_list(value)

    def replaced(self, fields: Mapping[int, Field | None]) -> "Struct":
        """The struct with other values for some fields; None leaves a field out."""
        merged = {**self, **fields}
        return Struct({number: field for number, field in merged.items() if field is not None})

    def _value(self, number: int, *kinds: int) -> bytes | None:
        field = self.get(number)
        if field is None:
            return None
        if field[0] not in kinds:
            raise MalformedThrift(f"field {number} has type {field[0]}; it must be one of {kinds}")
        return field[1]


def i16(value: int) -> Field:
    return I16, encode_integer(value)


def i32(value: int) -> Field:
    return I32, encode_integer(value)


def i64(value: int) -> Field:
    return I64, encode_integer(value)


def binary(value: bytes) -> Field:
    """Bytes, or text in UTF-8."""
    return BINARY, encode_binary(value)


def true() -> Field:
    return TRUE, b""


def struct(value: Struct) -> Field:
    return STRUCT, value.encode()


def structs(encoded: Sequence[bytes]) -> Field:
    """A list of structs that are encoded already."""
    return LIST, encode_list(STRUCT, encoded)


def encode_integer(value: int) -> bytes:
    """An integer as a value: zigzag, then seven bits a byte."""
    return _length(value << 1 if value >= 0 else ~value << 1 | 1)


def encode_binary(value: bytes) -> bytes:
    """Bytes as a value: their length, then they themselves."""
    return _length(len(value)) + value


def encode_list(kind: int, elements: Sequence[bytes]) -> bytes:
    """Encoded elements of one type as a list's value."""
    size = len(elements)
    header = bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + _length(size)
    return header + b"".join(elements)


def read_integer(value: bytes) -> int:
    """The integer that `integer` encoded."""
    number = shift = 0
    for byte in value:
        number |= (byte & 127) << shift
        shift += 7
    return number >> 1 ^ -(number & 1)


def _length(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := data[at]) > 127:
        value |= (byte & 127) << shift
        shift += 7
        at += 1
    return value | byte << shift, at + 1


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = _read_length(data, at)
    return value >> 1 ^ -(value & 1), at


def _list_header(data: bytes, at: int) -> tuple[int, int, int]:
    """The elements' type and number, and where the first of them begins."""
    kind, size = data[at] & 15, data[at] >> 4
    if size < 15:
        return kind, size, at + 1
    size, begin = _read_length(data, at + 1)
    return kind, size, begin


def _split_list(value: bytes) -> list[bytes]:
    kind, size, at = _list_header(value, 0)
    if size > len(value):
        raise MalformedThrift(f"a list of {size} elements has {len(value)} bytes")
    try:
        return [value[begin:end] for begin, end in _elements(value, at, kind, size, _DEEPEST)]
    except IndexError:
        raise MalformedThrift("the bytes end within a list") from None


def _elements(data: bytes, at: int, kind: int, size: int, depth: int) -> Iterator[tuple[int, int]]:
    for _ in range(size):
        begin = at
        # In a list a boolean has a byte of its own; as a field it is part of the header.
        at = at + 1 if kind in (TRUE, FALSE) else skip(data, at, kind, depth)
        yield begin, at


def locate(data: bytes, at: int, wanted: int) -> tuple[int, int]:
    """Where the value of a field begins and ends in the struct that begins at `at`, which must have it."""
    number = 0
    while header := data[at]:
        number, at = (number + (header >> 4), at + 1) if header > 15 else _read_integer(data, at + 1)
        end = skip(data, at, header & 15)
        if number == wanted:
            return at, end
        at = end
    raise KeyError(wanted)


def skip(data: bytes, at: int, kind: int, depth: int = _DEEPEST) -> int:
    """Where the value of a type that begins at `at` ends.

    Raises IndexError at the end of the bytes, MalformedThrift for a type there is not.
    """
    if kind in (I32, I64, I16):
        while data[at] > 127:
            at += 1
        return at + 1
    if kind == STRUCT:
        return _skip_struct(data, at, depth - 1)
    if kind in (TRUE, FALSE):
        return at
    if kind == BINARY:
        size, at = _read_length(data, at)
        end = at + size
    elif kind in (LIST, SET):
        kind, size, end = _list_header(data, at)
        *_, end = (end, *(stop for _, stop in _elements(data, end, kind, size, depth - 1)))
    elif kind == MAP:
        size, end = _read_length(data, at)
        kinds = data[end] if size else 0
        end += 1 if size else 0
        for _ in range(size):
            for kind in (kinds >> 4, kinds & 15):
                _, end = next(_elements(data, end, kind, 1, depth - 1))
    elif kind in _FIXED:
        end = at + _FIXED[kind]
    else:
        raise MalformedThrift(f"there is no type {kind}")
    if end > len(data):
        raise IndexError
    return end


_FIXED = {BYTE: 1, DOUBLE: 8, UUID: 16}


def _skip_struct(data: bytes, at: int, depth: int) -> int:
    if depth < 0:
        raise MalformedThrift(f"structs are nested more than {_DEEPEST} deep")
    while header := data[at]:
        at += 1
        if header < 16:
            _, at = _read_length(data, at)
        kind = header & 15
        if kind in (I64, I32):
            while data[at] > 127:
                at += 1
            at += 1
        elif kind != TRUE and kind != FALSE:
            at = skip(data, at, kind, depth)
    return at + 1
