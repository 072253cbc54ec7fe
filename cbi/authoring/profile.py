"""What one or several files are like: their columns, the types these may become, and how many rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from cbi.authoring.column_guess import Choice, ColumnGuess
from cbi.contract.casts import find_cast
from cbi.contract.feed import ARROW_TYPES
from cbi.contract.file_columns import FileColumns
from cbi.errors import InvalidFile
from cbi.parquet.source import ParquetSource


@dataclass(frozen=True)
class Files:
    """Files of one feed, open for reading. Fields of STRUCTs are columns here, named by their path."""

    paths: Sequence[Path]
    sources: Sequence[ParquetSource]

    @classmethod
    def open(cls, paths: Sequence[Path]) -> "Files":
        """Open local files. Raises InvalidFile for one that is not parquet, by its name."""
        return cls(paths, [_open(path) for path in paths])

    @property
    def rows(self) -> int:
        return sum(source.rows for source in self.sources)

    @cached_property
    def columns(self) -> Sequence[FileColumns]:
        return [FileColumns(source.schema) for source in self.sources]

    def types(self) -> Mapping[str, list[pa.DataType]]:
        """The types of each column in the files that have it once, in the order of the columns."""
        found: dict[str, list[pa.DataType]] = {}
        for columns in self.columns:
            for name in dict.fromkeys(columns.leaf_names_besides(())):
                if len(places := columns.named(name)) == 1:
                    found.setdefault(name, []).append(columns.type_of(places[0]))
        return {name: list(dict.fromkeys(kinds)) for name, kinds in found.items()}

    def structs(self) -> Mapping[str, str]:
        """The top-level STRUCT that each column is in which is in one."""
        return {
            name: place.column
            for columns in self.columns
            for name in columns.leaf_names_besides(())
            for place in columns.named(name)
            if place.steps and place.column is not None
        }

    def twice(self) -> Iterator[str]:
        """The names that a file has more than one column of."""
        for columns in self.columns:
            for name in dict.fromkeys(columns.leaf_names_besides(())):
                if len(columns.named(name)) > 1:
                    yield name

    def read(self, names: Collection[str]) -> Iterator[Mapping[str, pa.Array]]:
        """These columns of all files, as far as each has them; of a file that has none of them nothing."""
        for source, columns in zip(self.sources, self.columns, strict=True):
            places = {name: found[0] for name in names if (found := columns.named(name))}
            top = dict.fromkeys(place.column for place in places.values() if place.column is not None)
            for batch in source.batches(list(top)) if top else ():
                yield {name: place.values(batch) for name, place in places.items()}


def _open(path: Path) -> ParquetSource:
    try:
        return ParquetSource(pa.memory_map(str(path)))
    except InvalidFile as error:
        raise InvalidFile(error.reason, f"{path}: {error}") from error


def guess_columns(
    files: Files, dates: Collection[str] = (), only: Collection[str] | None = None
) -> dict[str, ColumnGuess]:
    """Guess the types of the files' columns, all or some; of `dates` numbers of eight digits are dates.

    Only columns whose values decide are read.
    """
    found = {name: kinds for name, kinds in files.types().items() if only is None or name in only}
    guesses = {name: ColumnGuess(name, kinds, name in dates) for name, kinds in found.items()}
    for columns in files.read([name for name, guess in guesses.items() if guess.must_be_read]):
        for name, values in columns.items():
            guesses[name].look(values)
    for guess in guesses.values():
        guess.finish()
    return guesses


def read_cast(files: Files, choices: Mapping[str, Choice]) -> pa.Table:
    """These columns of all rows in the types chosen for them; those of a file that lacks one are NULL."""
    chunks: dict[str, list[pa.Array]] = {name: [] for name in choices}
    for columns in files.read(choices.keys()):
        rows = len(next(iter(columns.values())))
        for name, choice in choices.items():
            chunks[name].append(_cast(columns.get(name), rows, choice))
    kinds = {name: ARROW_TYPES[choice.type] for name, choice in choices.items()}
    return pa.table({name: pa.chunked_array(parts, kinds[name]) for name, parts in chunks.items()})


def _cast(values: pa.Array | None, rows: int, choice: Choice) -> pa.Array:
    if values is None:
        return pa.nulls(rows, ARROW_TYPES[choice.type])
    cast = find_cast(values.type, choice.type, choice.times)
    assert cast is not None, f"a column of {values.type} was guessed to become {choice.type}"
    return cast.apply(values)
