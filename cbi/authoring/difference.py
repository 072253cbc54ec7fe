"""How files differ from a contract: what is new in them, what they lack, what does not fit any more."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cbi.authoring.column_guess import ColumnGuess
from cbi.authoring.profile import Files, guess_columns
from cbi.checks.validation import validate
from cbi.contract.binding import bind
from cbi.contract.feed import Feed
from cbi.lookups.regime_calendar import RegimeCalendar


@dataclass(frozen=True)
class Difference:
    """`new` are the files' columns that the contract does not have, with the types they may become; `near`
    those among them that are perhaps meant by one that it has. `missing` are the contract's columns that a
    file lacks, and `changed` has a sentence for each that does not fit."""

    new: Mapping[str, ColumnGuess]
    near: frozenset[str]
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def lines(self) -> Iterator[str]:
        """All of it, for a person to read."""
        for name, guess in self.new.items():
            if name not in self.near:
                found = guess.best.type if guess.best else f"{guess.found[0]}, which no table here takes"
                yield f"+ {name}: {found}"
        yield from (f"- {name}: a file lacks it" for name in self.missing)
        yield from (f"! {sentence}" for sentence in self.changed)


def compare_files(paths: Sequence[Path], feed: Feed, calendar: RegimeCalendar) -> Difference:
    """Hold local files against a contract, all their rows where values decide. Raises InvalidFile."""
    files = Files.open(paths)
    unknown, missing, changed, near = dict[str, None](), dict[str, None](), dict[str, None](), set[str]()
    for path, source in zip(paths, files.sources, strict=True):
        name = path.absolute().as_posix()
        binding = bind(feed, source.schema, name)
        unknown |= dict.fromkeys(binding.unknown_leaves)
        missing |= dict.fromkeys(set(binding.absent) - binding.near_misses.keys())
        near |= set(binding.near_misses.values())
        found = validate(source, feed, calendar, object_name=name).report.column_types
        changed |= dict.fromkeys(error.message for error in found.errors)
    guesses = guess_columns(files, only=unknown.keys())
    return Difference(guesses, frozenset(near), tuple(sorted(missing)), tuple(changed))
