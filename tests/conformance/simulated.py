"""The cloud of the simulation as a service: jobs end when they are waited for."""

from collections.abc import Callable, Sequence
from typing import Any

from simulation.cloud import REFUSED, Cloud, File, Key, Verdict, job_key, label

from cbi.errors import CbiError
from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.log import Entry, Run
from cbi.runs.protocol.requests import Insert, Request, Wait


class Simulated:
    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._cloud = Cloud(self._files)
        self._state: dict[Key, Any] = dict.fromkeys((("calendar",), ("code",), ("hours",)), 0)

    def drop(
        self, name: str = "a", content: str = "x", *, upserts: bool = False, left_out: bool = True
    ) -> StagedFile:
        feed, age = ("upserted" if upserts else "appended"), len(self._files)
        self._files[name] = File(content, upserts=upserts, dedupes=not upserts, feed=feed, age=age)
        generation = self._state.get(("staged", name), 0) + 1
        self._state["staged", name] = generation
        self._state[("calendar",)] = 0 if left_out else 1
        return StagedFile("staging", name, generation)

    def delete(self, file: StagedFile) -> None:
        del self._state["staged", file.name]

    def ask(self, request: Request) -> Any:
        if isinstance(request, Wait) and self._state[key := job_key(request.job, request.attempt)].pending:
            self._state = dict(self._cloud.ends(self._state, key, None))
        state, answer = self._cloud.execute(self._state, request)
        self._state = dict(state)
        if isinstance(answer, CbiError):
            raise answer
        return answer

    def ask_at_once(self, *requests: Request) -> list[Any]:
        return [self.ask(request) for request in requests]

    def expire(self, run: Run) -> None:
        self._state = self._without(lambda key: key[:2] == ("enriched", label(run.file)))

    def refuse(self, insert: Insert) -> Any:
        return REFUSED  # the state stays as it is: see `simulation.world.Rules`

    def rows(self, file: StagedFile) -> int:
        run = label(file)
        appended = [len(value) for key, value in self._state.items() if key[:2] == ("row", run)]
        merged = [key for key, value in self._state.items() if key[0] == "key" and value[0] == run]
        return sum(appended) + len(merged)

    def succeeded(self, file: StagedFile) -> bool:
        verdict: Verdict = self._state["report", label(file)]
        return verdict.success

    def wanted(self, file: StagedFile) -> Sequence[Entry]:
        return [mark.entry for key, mark in self._state.items() if key[:2] == ("pending", label(file))]

    def _without(self, gone: Callable[[Key], bool]) -> dict[Key, Any]:
        return {key: value for key, value in self._state.items() if not gone(key)}
