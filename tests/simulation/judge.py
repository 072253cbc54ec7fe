"""What must hold."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from cbi.errors import Reason
from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.decisions import MOST_TRIES
from cbi.runs.protocol.log import Attempt, Log, Run, Survived, fold
from cbi.runs.protocol.requests import Insert, Pending, Wait
from cbi.runs.protocol.step import Step
from cbi.runs.protocol.steps import advance, settle
from simulation.cloud import (
    DELIVERY_SECONDS,
    REFUSED,
    Cloud,
    File,
    SimulatedJob,
    State,
    Verdict,
    enabled,
    has_regimes,
    job_key,
    label,
    rows_of_part,
)
from simulation.live import Live


class Judge:
    """Says what is wrong, if anything."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self.cloud = Cloud(files)

    def wrong(self, state: State) -> str | None:
        """What is wrong at this moment; nothing can become wrong but by the end of a job.

        A content whose claim has expired may be loaded once more, but not by the same run.
        """
        copies: dict[tuple[str, str], int] = {}
        for key, value in state.items():
            if key[0] == "row":
                place = self.cloud.content(key[1]), key[2]
                copies[place] = copies.get(place, 0) + len(value)
                in_turn = [other for other in state if other[0] == "row" and other[2] == key[2]]
                if self.cloud.file(key[1]).in_turn and len(in_turn) > 1:
                    return f"the key {key[2]} is in the table twice, of {in_turn}"
                if copies[place] > 1 + state[("claims expired",)] or len(value) > 1:
                    return f"row {key[2]} of the bytes {place[0]} is in the table {copies[place]} times"
        return None

    def wrong_at_end(self, state: State) -> str | None:
        """What is wrong once all jobs have ended, time has passed and the sweep has come round."""
        try:
            state = self._swept(state)
        except RecursionError as error:
            return str(error)
        if problem := self.wrong(state):
            return problem
        for file in self._runs(state):
            if problem := self._wrong_of(state, file):
                return problem
        if problem := self._wrong_of_keys(state):
            return problem
        return next((f"{key} stays" for key in state if key[0] == "pending"), None)

    def _wrong_of(self, state: State, file: StagedFile) -> str | None:
        log, name = self.cloud.log(state, file), label(file)
        run = fold(log)
        report: Verdict | None = state.get(("report", name))
        if report is None:
            return f"{name} has no report"
        if run.stage == "undoing" or (run.stage == "loading" and not run.first):
            return f"{name} stays {run.stage}"
        given_up_at = state.get(("given up as unreadable", name))
        if given_up_at and _hasty((*_began(log), given_up_at)):
            return f"{name} was taken for unreadable while it might have been read"
        if _is_duplicate(run) and not any(self._same_content(file, other) for other in self._runs(state)):
            return f"{name} is reported as a duplicate, and nobody else has its bytes"
        loaded, inputs = _there(run, report)
        expected = {f"r{part}" for part in loaded}
        parts = len(run.plan.parts) if run.plan else 0
        if inputs and has_regimes(inputs) and parts - 1 in loaded:
            expected.add("q")
        rows = {key[2]: value for key, value in state.items() if key[:2] == ("row", name)}
        if len({inputs for loads in rows.values() for inputs in loads}) > 1:
            return f"{name} has rows made by two calendars or versions"
        upserts = run.plan is not None and run.plan.target.upserts  # whose row a key has is judged apart
        table = expected if upserts else set(rows)
        if table != expected:
            return f"{name} has rows {sorted(table)}, its {run.stage} log or report says {sorted(expected)}"
        if report.success and run.first:
            kept = state.get(("quarantine", name, report.plan_epoch), ())
            if sorted([*table, *kept]) != sorted({*expected, "q"}):
                return f"{name} has {sorted(table)} in the table and {kept} in the quarantine"
        return None

    def _wrong_of_keys(self, state: State) -> str | None:
        """A key has the row of the newest file that is loaded; who is undone may leave it none."""
        newest: dict[str, int] = {}
        loaded_runs, undone = set[str](), False
        for file in self._runs(state):
            run = fold(self.cloud.log(state, file))
            undone = undone or run.stage == "undone"
            loaded, _ = _there(run, state[("report", label(file))])
            if run.plan and run.plan.target.upserts and loaded:
                loaded_runs.add(label(file))
                for row in (row for part in loaded for row in rows_of_part(run, part)):
                    newest[row] = max(newest.get(row, 0), self.cloud.file(label(file)).age)
        owners = {key[1]: value[0] for key, value in state.items() if key[0] == "key"}
        for row, owner in owners.items():
            if owner not in loaded_runs:
                return f"key {row} has a row of {owner}, which is not loaded"
        for row, age in newest.items():
            if row in owners and self.cloud.file(owners[row]).age < age and not undone:
                return f"key {row} has the row of {owners[row]}, which is older than another that was loaded"
            if row not in owners and not undone:
                return f"key {row} has no row"
        return None

    def _same_content(self, file: StagedFile, other: StagedFile) -> bool:
        return file != other and self.cloud.content(label(file)) == self.cloud.content(label(other))

    def _runs(self, state: State) -> list[StagedFile]:
        """All generations there have been."""
        live = sorted(key for key in state if key[0] == "staged")
        return [StagedFile("b", key[1], of) for key in live for of in range(1, state[key] + 1)]

    def _swept(self, state: State) -> State:
        for key in [key for key, job in state.items() if isinstance(job, SimulatedJob) and job.pending]:
            state = self.cloud.ends(state, key, None)
        for _ in range(6 if any(kind.kills for kind in self.cloud.files.values()) else 3):
            state = {**state, ("hours",): state[("hours",)] + 2}
            for file in self._runs(state):
                if ("report", label(file)) not in state:
                    state = self.alone(state, Step(advance, (file, None)))
            for pending in [value for value in state.values() if isinstance(value, Pending)]:
                state = self.alone(state, Step(settle, (pending,)))
        return state

    def alone(self, state: State, step: Step, refused: Iterable[int] = ()) -> State:
        """Let one actor go to its end; jobs end well, but inserts of the parts in `refused` are refused."""
        actor = Live((step,))
        for _ in range(400):
            if (request := actor.request) is None or self.cloud.kills(request):
                return state
            if isinstance(request, Wait) and not enabled(state, request):
                state = self.cloud.ends(state, job_key(request.job, request.attempt), None)
            if isinstance(request, Insert) and request.job.part in refused:
                actor.tell(REFUSED)
                continue
            state, answer = self.cloud.execute(state, request)
            actor.tell(answer)
        raise RecursionError("an actor alone comes to no end")


def _there(run: Run, report: Verdict) -> tuple[tuple[int, ...], str | None]:
    """The parts in the table and the inputs they were made by, as the report has it, or the log after it."""
    if run.first:
        return report.loaded, report.inputs
    numbers = () if run.plan is None else tuple(range(len(run.plan.parts)))
    there = numbers if run.stage == "done" else tuple(part.number for part in run.loaded)
    return () if run.stage == "undone" else there, run.plan.inputs_digest if run.plan else None


def _is_duplicate(run: Run) -> bool:
    duplicate = (Reason.DUPLICATE_CONTENT, Reason.PARTLY_LOADED)
    return run.stage == "failed" and run.failure is not None and run.failure.reason in duplicate


def _began(log: Log) -> list[datetime]:
    """When the tries began that nobody is known to have come out of."""
    came_out = [entry.at for entry in log.entries if isinstance(entry, Survived)]
    return [entry.at for entry in log.entries if isinstance(entry, Attempt) and entry.at not in came_out]


def _hasty(began: Sequence[datetime]) -> bool:
    """Whether fewer tries than it takes are known to have been dead when the next began, or was not begun."""
    dead = [one for one, other in pairwise(began) if other - one >= timedelta(seconds=DELIVERY_SECONDS)]
    return len(dead) < MOST_TRIES
