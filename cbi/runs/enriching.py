"""A file's parts in the output bucket: spliced where that pays, rewritten anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from cbi.checks.validation import Validation
from cbi.contract.parts import Part
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.enrich.nest import Nesting
from cbi.enrich.quarantine import write_quarantine
from cbi.enrich.rewrite import rewrite
from cbi.errors import InvalidFile, Reason
from cbi.gcs.outputs import Outputs
from cbi.gcs.reader import RangedReader
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.source import ParquetSource
from cbi.parquet.unsplicable import Unsplicable
from cbi.runs.report import Enrichment
from cbi.runs.worker_requests import Cloud, RemoteObject
from cbi.settings import EnrichStrategy, Settings

if TYPE_CHECKING:
    from cbi.enrich.splice.plan import SplicePlan
    from cbi.enrich.splice.row_slices import PartSlices

# Below, rewriting takes no longer than the requests that joining needs besides.
_LEAST_BYTES = 8 << 20

# Where most of a file must be encoded again, streaming through it once is the quicker way.
_LEAST_KEPT = 0.5


@dataclass(frozen=True)
class Enriched:
    """What was written: the parts, the object with the rows left out, and what is of no use from now on."""

    parts: tuple[Part, ...]
    quarantine_object: str | None
    enrichment: Enrichment
    temporary_objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class StagedContent:
    """An open staged file: by ranges where it is to be spliced, as a stream where it is to be rewritten."""

    source: FlatFile | ParquetSource
    reader: RangedReader

    @property
    def bytes_read(self) -> int:
        ranges = self.source.reader.bytes_read if isinstance(self.source, FlatFile) else 0
        return ranges + self.reader.bytes_read


@contextmanager
def open_staged(
    cloud: Cloud, size: int, settings: Settings, strategy: EnrichStrategy
) -> Iterator[StagedContent]:
    """Open a staged file for a strategy of the settings'.

    Raises InvalidFile where it cannot be read, and Unsplicable where it can, but must be rewritten.
    """
    reader = RangedReader(cloud.read_range, size)
    if strategy == "splice" or (strategy == "auto" and size >= _LEAST_BYTES):
        yield StagedContent(FlatFile(reader.read_range, size, settings), reader)
        return
    with reader.open() as file:
        yield StagedContent(ParquetSource(file, settings), reader)


@dataclass
class Enricher:
    """Writes the parts of a run to the output bucket.

    `inputs_digest` is of what they depend on besides the file. Every object is only ever created, so that a
    repeat finds what is there.
    """

    cloud: Cloud
    inputs_digest: str
    content: StagedContent
    nesting: Nesting
    _written: list[RemoteObject] = field(default_factory=list)

    def enrich(
        self, validation: Validation, strategy: EnrichStrategy, fallback_reason: str | None
    ) -> Enriched:
        """Write the parts, and the rows in quarantine.

        `strategy` is one of the settings'; `fallback_reason` is what keeps the file from being spliced, if
        that is known already. Raises InvalidFile, Unsplicable, Transient and Misconfigured.
        """
        source = self.content.source
        try:
            if isinstance(source, FlatFile):
                least_kept = 0 if strategy == "splice" else _LEAST_KEPT
                return self._splice(source, validation, least_kept)
            date_intervals, quarantine = validation.date_intervals, validation.quarantine
            written = rewrite(source, self.nesting, date_intervals, quarantine, self._open)
        except UnsafeCast as error:
            message = f"what its footer says of its values is wrong ({error}); write the file again"
            raise InvalidFile(Reason.UNREADABLE_FILE, message) from error
        return Enriched(written.parts, written.quarantine_object, self._summarise("rewrite", fallback_reason))

    def _splice(self, file: FlatFile, validation: Validation, least_kept: float) -> Enriched:
        """Let the bucket join the staged bytes and what there is to append to them."""
        # Small files are not spliced, so a function that starts cold for one need not import how.
        from cbi.enrich.splice.plan import plan_splice

        dates = validation.dates if self.nesting.feed.date_column else None
        plan = plan_splice(file, self.nesting, validation.date_intervals, dates, validation.quarantine)
        if plan.reusable_fraction < least_kept:
            raise Unsplicable(f"only {plan.reusable_fraction:.0%} of its bytes could stay as they are")
        base = self._name("base")
        if not self.cloud.copy_staged(base):
            raise Unsplicable("the buckets differ in location or storage class, so its bytes would be moved")
        deltas = [self._write_delta(plan, part) for part in plan.parts]
        parts = [self._join(part.part, base, delta) for part, delta in zip(plan.parts, deltas, strict=True)]
        quarantine_object = write_quarantine(plan.rows_left_out(), self._open) if plan.quarantine else None
        summary = self._summarise("splice", None, copied=file.size, searched=plan.searched_columns)
        return Enriched(tuple(parts), quarantine_object, summary, (base, *deltas))

    def _write_delta(self, plan: "SplicePlan", part: "PartSlices") -> str:
        from cbi.enrich.splice.delta import make_delta

        with self._open(f"{part.name}-delta") as sink:
            for piece in make_delta(plan, part):
                sink.write(piece)
            sink.commit()
        return sink.name

    def _join(self, part: Part, base: str, delta: str) -> Part:
        name = self._name(f"{part.name}-spliced")
        self.cloud.compose((base, delta), name)
        return replace(part, name=name)

    def _name(self, part: str) -> str:
        return Outputs.enriched(self.nesting.run.run_id, self.inputs_digest, part)

    def _open(self, part: str) -> RemoteObject:
        sink = self.cloud.open_parquet(self._name(part))
        self._written.append(sink)
        return sink

    def _summarise(
        self,
        strategy: Literal["splice", "rewrite"],
        fallback_reason: str | None,
        copied: int = 0,
        searched: int = 0,
    ) -> Enrichment:
        uploaded = sum(sink.size for sink in self._written)
        return Enrichment(strategy, fallback_reason, self.content.bytes_read, uploaded, copied, searched)
