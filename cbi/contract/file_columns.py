"""A file's columns, and the fields inside its STRUCTs, by the names that a contract may give them."""

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
from pyarrow import types

from cbi.contract.place import Place
from cbi.contract.quarantine import REASON_COLUMN


class FileColumns:
    """The columns of a file's schema. A column's name is that column's, whatever STRUCTs there are."""

    def __init__(self, schema: pa.Schema) -> None:
        self._types: dict[Place, pa.DataType] = {}
        self._columns: dict[str, list[Place]] = {}
        self._fields: dict[str, list[Place]] = {}
        self._leaves: dict[str, list[Place]] = {}
        for field in schema:
            place = Place(field.name)
            self._types[place] = field.type
            self._columns.setdefault(field.name, []).append(place)
            self._leaves.setdefault(field.name, [] if types.is_struct(field.type) else [place])
            for inner, kind in _fields_inside(place, field.type):
                self._types[inner] = kind
                if not types.is_struct(kind):
                    self._leaves[field.name].append(inner)
                self._fields.setdefault(name_of(inner), []).append(inner)
        self._folded = [_folded(self._columns), _folded(self._fields)]

    def named(self, name: str) -> Sequence[Place]:
        """Where a column of this very name is, more than once where the file has several."""
        return self._columns.get(name) or self._fields.get(name) or ()

    def named_ignoring_case(self, name: str) -> Sequence[Place]:
        """Where columns are whose names differ from this one at most in case."""
        return next((places for by_name in self._folded if (places := by_name.get(name.casefold()))), ())

    def type_of(self, place: Place) -> pa.DataType:
        return self._types[place]

    def names_besides(self, taken: Collection[Place]) -> Iterator[str]:
        """The columns that are not taken; of one of which fields are taken, its other fields."""
        opened = {place.column for place in taken if place.steps}
        for name in self._columns:
            # A quarantine file that is replayed has the reasons besides what the file it came from had.
            if name == REASON_COLUMN or Place(name) in taken:
                continue
            if name in opened:
                yield from (name_of(place) for place in self._leaves[name] if place not in taken)
            else:
                yield name

    def leaf_names_besides(self, taken: Collection[Place]) -> Iterator[str]:
        """The same, always with the fields instead of the STRUCTs they are in."""
        for name in self._columns:
            if name != REASON_COLUMN and Place(name) not in taken:
                yield from (name_of(place) for place in self._leaves[name] if place not in taken)


def name_of(place: Place) -> str:
    """What a column, or a field by its path, is called."""
    return ".".join([place.column or "", *place.steps])


def _fields_inside(place: Place, kind: pa.DataType) -> Iterator[tuple[Place, pa.DataType]]:
    if not types.is_struct(kind):
        return
    for field in kind:
        inner = Place(place.column, (*place.steps, field.name))
        yield inner, field.type
        yield from _fields_inside(inner, field.type)


def _folded(by_name: dict[str, list[Place]]) -> dict[str, list[Place]]:
    folded: dict[str, list[Place]] = {}
    for name, places in by_name.items():
        folded.setdefault(name.casefold(), []).extend(places)
    return folded
