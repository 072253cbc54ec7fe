"""What must hold."""

from collections.abc import Iterable, Mapping

from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.log import fold
from cbi.runs.protocol.requests import Insert, Pending, Wait
from cbi.runs.protocol.step import Step
from cbi.runs.protocol.steps import advance, settle
from simulation.cloud import REFUSED, Cloud, File, SimulatedJob, State, Verdict, enabled, ends, job_key, label
from simulation.live import Live


class Judge:
    """Says what is wrong, if anything."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self.cloud = Cloud(files)

    def wrong(self, state: State) -> str | None:
        """What is wrong at this moment; nothing can become wrong but by the end of a job."""
        copies: dict[tuple[str, str], int] = {}
        for key, value in state.items():
            if key[0] == "row":
                place = self.cloud.content(key[1]), key[2]
                copies[place] = copies.get(place, 0) + len(value)
                if copies[place] > 1:
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
        for file in _staged(state):
            if problem := self._wrong_of(state, file):
                return problem
        return next((f"{key} stays" for key in state if key[0] == "pending"), None)

    def _wrong_of(self, state: State, file: StagedFile) -> str | None:
        run, name = fold(self.cloud.log(state, file)), label(file)
        report: Verdict | None = state.get(("report", name))
        if report is None:
            return f"{name} has no report"
        if run.stage == "undoing" or (run.stage == "loading" and not run.first):
            return f"{name} stays {run.stage}"
        table = {key[2]: value for key, value in state.items() if key[:2] == ("row", name)}
        if len({calendar for loads in table.values() for calendar in loads}) > 1:
            return f"{name} has rows of two calendars"
        if run.first:
            loaded, calendar = report.loaded, report.calendar
        else:
            numbers = () if run.plan is None else tuple(range(len(run.plan.parts)))
            there = numbers if run.stage == "done" else tuple(part.number for part in run.loaded)
            loaded = () if run.stage == "undone" else there
            calendar = int(run.plan.inputs_digest) if run.plan else None
        parts = len(run.plan.parts) if run.plan else 0
        expected = {f"r{part}" for part in loaded}
        if calendar and parts - 1 in loaded:
            expected.add("q")
        if table.keys() != expected:
            return f"{name} has rows {sorted(table)}, its {run.stage} log or report says {sorted(expected)}"
        if report.success and run.first:
            kept = state.get(("quarantine", name, report.plan_epoch), ())
            if sorted([*table, *kept]) != sorted({*expected, "q"}):
                return f"{name} has {sorted(table)} in the table and {kept} in the quarantine"
        return None

    def _swept(self, state: State) -> State:
        for key in [key for key, job in state.items() if isinstance(job, SimulatedJob) and job.pending]:
            state = ends(state, key, None)
        for _ in range(6 if any(kind.kills for kind in self.cloud.files.values()) else 3):
            state = {**state, ("hours",): state[("hours",)] + 2}
            for file in _staged(state):
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
                state = ends(state, job_key(request.job, request.attempt), None)
            if isinstance(request, Insert) and request.job.part in refused:
                actor.tell(REFUSED)
                continue
            state, answer = self.cloud.execute(state, request)
            actor.tell(answer)
        raise RecursionError("an actor alone comes to no end")


def _staged(state: State) -> list[StagedFile]:
    found = [StagedFile("b", key[1], generation) for key, generation in state.items() if key[0] == "staged"]
    return sorted(found, key=lambda each: each.name)
