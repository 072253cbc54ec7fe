"""What is explored: pairs of actors, and random companies of them."""

import random
from collections.abc import Sequence
from typing import Any

from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.step import Step
from cbi.runs.protocol.steps import advance, give_up, replay, undo
from simulation.case import Case
from simulation.cloud import File, Key, State
from simulation.judge import Judge

A, B, C = (StagedFile("b", name, 1) for name in "ABC")


def deliver(file: StagedFile) -> Step:
    return Step(advance, (file, None))


def prepared(**files: File) -> tuple[tuple[tuple[str, File], ...], State]:
    """Staged files in an empty cloud."""
    state: dict[Key, Any] = {("calendar",): 0, ("hours",): 0}
    state |= {("staged", name): 1 for name in files}
    return tuple(files.items()), state


def cases() -> dict[str, Case]:
    """Pairs of actors of every kind."""
    one, two, spliced = File("x"), File("x", parts=2), File("x", parts=2, spliced=True)
    calendar, overwritten, hours = ("calendar",), ("staged", "A"), ("hours",)
    a, c = deliver(A), deliver(C)
    found: dict[str, Case] = {}

    quick_ones = {
        "one part: two deliveries",
        "one part: delivery, undo",
        "two parts: two deliveries",
        "spliced: two deliveries",
        "upserted: two deliveries",
        "undo, undo",
        "failed: replay, replay",
        "failed: replay, undo",
    }

    def add(
        name: str,
        files: dict[str, File],
        *scripts: tuple[Step, ...],
        events: tuple[Key, ...] = (),
        first: Sequence[Step] = (),
        refused: Sequence[int] = (),
    ) -> None:
        staged, state = prepared(**files)
        case = Case(staged, state, scripts, events)
        for step in first:
            state = Judge(dict(case.files)).alone(state, step, refused)
        found[name] = Case(staged, state, scripts, events, name in quick_ones)

    for kind, file in (
        ("one part", one),
        ("two parts", two),
        ("spliced", spliced),
        ("upserted", File("x", upserts=True)),
    ):
        add(f"{kind}: two deliveries", {"A": file}, (a,), (a,))
        add(f"{kind}: delivery, undo", {"A": file}, (a,), (undo(A),))
    add("two deliveries, calendar", {"A": spliced}, (a,), (a,), events=(calendar,))
    add("two deliveries, overwritten", {"A": spliced}, (a,), (a,), events=(overwritten,))
    both = {"A": one, "C": one}
    add("delivery, undo twice", {"A": one}, (a,), (undo(A), undo(A)))
    add("undo, undo", {"A": one}, (undo(A),), (undo(A),), first=(a,))
    add("undo, same bytes", both, (undo(A),), (c,), first=(a,))
    add("delivery, same bytes", both, (a,), (c,))
    add("sleeper, undo then same bytes", both, (a,), (undo(A), c))
    add("sleeper, delivery then same bytes", both, (a,), (a, c))
    add("sleeper, delivery, replay, undo, same bytes", both, (a,), (a, replay(A), undo(A), c))
    add("delivery, give up", {"A": one}, (a,), (Step(give_up, (A,)),))
    failed: dict[str, Any] = {"first": (a,), "refused": (0,)}
    add("failed: replay, replay", both, (replay(A),), (replay(A),), **failed)
    add("failed: replay, undo", both, (replay(A),), (undo(A),), **failed)
    add("failed: replay, same bytes", both, (replay(A),), (c,), **failed)
    add("failed: replay, undo then same bytes", both, (replay(A),), (undo(A), c), **failed)
    add("failed: replay, same bytes then undo", both, (replay(A),), (c, undo(A)), **failed)
    partly: dict[str, Any] = {"first": (a,), "refused": (1,)}
    both2 = {"A": two, "C": two}
    add("partly: replay, undo", both2, (replay(A),), (undo(A),), **partly)
    add("partly: replay, same bytes", both2, (replay(A),), (c,), **partly)
    add("partly: replay, undo then same bytes", both2, (replay(A),), (undo(A), c), **partly)
    add("partly: delivery, replay", both2, (a,), (replay(A),), **partly)
    killer = {"A": File("x", kills=True), "C": one}
    add("killer: deliveries in turn, same bytes", killer, (a, a, a, a), (c,), events=(hours, hours))
    return found


def random_case(chance: random.Random) -> Case:
    """Three to five actors of any kind at a few files."""
    parts, spliced = chance.choice((1, 2)), chance.random() < 0.5
    names = chance.choice(("A", "AB", "AC", "ABC"))
    upserts, dedupes = chance.random() < 0.2, chance.random() < 0.9
    contents = {"A": "x", "B": "y", "C": "x"}
    files = {
        name: File(
            contents[name],
            parts,
            spliced,
            upserts=upserts,
            dedupes=dedupes,
            kills=name == "A" and chance.random() < 0.05,
        )
        for name in names
    }
    staged, state = prepared(**files)
    all_files = [StagedFile("b", name, 1) for name in names]
    calls = [deliver(file) for file in all_files] * 3
    calls += [undo(file) for file in all_files] + [replay(file) for file in all_files]
    scripts = tuple(tuple(chance.choices(calls, k=chance.randint(1, 3))) for _ in range(chance.randint(3, 5)))
    events = chance.sample(
        [("calendar",), ("hours",), *(("staged", name) for name in names)], chance.randint(0, 2)
    )
    case = Case(staged, state, scripts, tuple(events))
    if not files["A"].kills and chance.random() < 0.4:
        refused = chance.choice(((), (0,), (1,)))
        case = Case(staged, Judge(dict(case.files)).alone(state, deliver(A), refused), scripts, tuple(events))
    return case
