"""What one or several files are like: their columns, the types these may become, and how many rows."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cbi.authoring.column_guess import Choice, ColumnGuess
from cbi.contract.casts import find_cast
from cbi.contract.feed import ARROW_TYPES
from cbi.parquet.source import ParquetSource


@dataclass(frozen=True)
class Files:
    """Files of one feed, open for reading."""

    paths: Sequence[Path]
    sources: Sequence[ParquetSource]

    @classmethod
    def open(cls, paths: Sequence[Path]) -> "Files":
        """Open local files. Raises InvalidFile for one that is not parquet."""
        return cls(paths, [ParquetSource(pa.memory_map(str(path))) for path in paths])

    @property
    def rows(self) -> int:
        return sum(source.rows for source in self.sources)

    def types(self) -> Mapping[str, list[pa.DataType]]:
        """The types of each column in the files that have it once, in the order of the columns."""
        found: dict[str, list[pa.DataType]] = {}
        for source in self.sources:
            for field in source.schema:
                if len(source.schema.get_all_field_indices(field.name)) == 1:
                    found.setdefault(field.name, []).append(field.type)
        return {name: list(dict.fromkeys(kinds)) for name, kinds in found.items()}

    def twice(self) -> Iterator[str]:
        """The names that a file has more than one column of."""
        for source in self.sources:
            yield from (name for name, times in Counter(source.schema.names).items() if times > 1)

    def batches(self, names: Collection[str]) -> Iterator[pa.RecordBatch]:
        """These columns of all files, as far as each has them."""
        for source in self.sources:
            if present := [name for name in source.schema.names if name in names]:
                yield from source.batches(present)


def guess_columns(files: Files, dates: Collection[str] = ()) -> dict[str, ColumnGuess]:
    """Guess the types of all columns of the files; of `dates` numbers of eight digits are dates.

    Only columns whose values decide are read.
    """
    guesses = {name: ColumnGuess(name, kinds, name in dates) for name, kinds in files.types().items()}
    for batch in files.batches([name for name, guess in guesses.items() if guess.must_be_read]):
        for name in batch.schema.names:
            guesses[name].look(batch[name])
    for guess in guesses.values():
        guess.finish()
    return guesses


def read_cast(files: Files, choices: Mapping[str, Choice]) -> pa.Table:
    """These columns of all rows in the types chosen for them; those of a file that lacks one are NULL."""
    chunks: dict[str, list[pa.Array]] = {name: [] for name in choices}
    for source in files.sources:
        present = [name for name in choices if name in source.schema.names]
        for batch in source.batches(present) if present else ():
            for name, choice in choices.items():
                chunks[name].append(_cast(batch, name, choice))
    kinds = {name: ARROW_TYPES[choice.type] for name, choice in choices.items()}
    return pa.table({name: pa.chunked_array(parts, kinds[name]) for name, parts in chunks.items()})


def _cast(batch: pa.RecordBatch, name: str, choice: Choice) -> pa.Array:
    if name not in batch.schema.names:
        return pa.nulls(len(batch), ARROW_TYPES[choice.type])
    cast = find_cast(batch[name].type, choice.type, choice.times)
    assert cast is not None, f"{name} was guessed to become {choice.type}"
    return cast.apply(batch[name])
