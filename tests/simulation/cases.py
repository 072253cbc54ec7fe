"""What is explored: pairs of actors, and random companies of them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypedDict

from msgspec import structs

from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.log import Attempt, Log, Replay, Undo, fold
from cbi.runs.protocol.requests import Held, Job, JobEnd, JobKind, Look, Pending, Prepare
from cbi.runs.protocol.step import Step, Steps
from cbi.runs.protocol.steps import advance, give_up, replay, settle, undo
from simulation.case import Case
from simulation.cloud import (
    BEGINNING,
    REFUSED,
    Cloud,
    File,
    Key,
    SimulatedJob,
    State,
    job_key,
    pending_key,
)
from simulation.judge import Judge

A, B, C = (StagedFile("b", name, 1) for name in "ABC")
A2 = StagedFile("b", "A", 2)


def deliver(file: StagedFile) -> Step:
    return Step(advance, (file, None))


def _undoing(file: StagedFile) -> Steps:
    yield from ()
    return undo(file)


def _replaying(file: StagedFile) -> Steps:
    yield from ()
    return replay(file)


def prepared(**files: File) -> tuple[tuple[tuple[str, File], ...], State]:
    """Staged files in an empty cloud."""
    state: dict[Key, Any] = {("calendar",): 0, ("code",): 0, ("hours",): 0, ("claims expired",): 0}
    state |= {("staged", name): 1 for name in files}
    return tuple(files.items()), state


def cases() -> dict[str, Case]:
    """Pairs of actors of every kind."""
    return {name: case for group in (_loading(), _operators(), _expiry(), _upserts()) for name, case in group}


_QUICK = {
    "one part: two deliveries",
    "two parts: two deliveries",
    "upserted: two deliveries",
    "undo alone",
    "undo, undo",
    "undo, settle",
    "failed: replay alone",
    "failed: replay, give up",
    "keys: replay, replay",
    "begun by an earlier version",
    "two feeds",
    "late delivery, delivery",
    "same size and CRC",
    "give up, delivery",
    "undo, same bytes",
    "failed: replay, replay",
    "partly: delivery, replay",
}

_CALENDAR, _OVERWRITTEN, _HOURS, _CODE = ("calendar",), ("staged", "A"), ("hours",), ("code",)
_A, _C = deliver(A), deliver(C)
_UNDO, _REPLAY = Step(_undoing, (A,)), Step(_replaying, (A,))
_GIVE_UP = Step(give_up, (A,))
_ONE, _TWO = File("x"), File("x", parts=2)
_SPLICED = File("x", parts=2, spliced=True)
_UPSERTS = File("x", upserts=True)

Named = tuple[str, Case]
Script = tuple[Step, ...]


def _case(
    name: str,
    files: dict[str, File],
    *scripts: Script,
    events: tuple[Key, ...] = (),
    first: Script = (),
    refused: tuple[int, ...] = (),
    state: State | None = None,
    ahead: tuple[int, ...] = (),
    wanted: Undo | Replay | None = None,
    earlier: bool = False,
    knows_md5: bool = True,
) -> Named:
    """What goes before, `first`, has come to its end, the parts in `refused` of the first being refused; then
    whoever `wanted` something of A has marked it and gone no further. `earlier`: it was version 0.1 that gave
    A up, which had no word for it and burnt no id; nor did it write an MD5 into a plan."""
    staged, empty = prepared(**files)
    state = {**empty, **(state or {})}
    for place, step in enumerate(first):
        state = Judge(files).alone(state, step, () if place else refused)
    if not knows_md5:
        planned, *later = state["log", "A#1"]
        planned = structs.replace(planned, plan=replace(planned.plan, md5=None))
        state = {**state, ("log", "A#1"): (planned, *later)}
    if earlier:
        state = {key: value for key, value in state.items() if key[:2] != ("job", "A#1")}
        state["log", "A#1"] = (*state["log", "A#1"], Replay(0))
    if wanted:
        state = _wanted(state, wanted)
    return name, Case(staged, state, scripts, events, name in _QUICK, ahead)


def _loading() -> Iterator[Named]:
    kinds = {"one part": _ONE, "two parts": _TWO, "spliced": _SPLICED, "upserted": _UPSERTS}
    for kind, file in kinds.items():
        yield _case(f"{kind}: two deliveries", {"A": file}, (_A,), (_A,))
        yield _case(f"{kind}: delivery, undo", {"A": file}, (_A,), (_UNDO,))
    for what, event in (("calendar", _CALENDAR), ("code", _CODE), ("overwritten", _OVERWRITTEN)):
        yield _case(f"two deliveries, {what}", {"A": _SPLICED}, (_A,), (_A,), events=(event,))
    whole = {"A": File("x", spliced=True)}
    yield _case("spliced in one part: two deliveries, calendar", whole, (_A,), (_A,), events=(_CALENDAR,))
    newer, over = deliver(A2), (_OVERWRITTEN,)
    yield _case("delivery, delivery of what overwrote it", {"A": _ONE}, (_A,), (newer,), events=over)
    yield _case("late delivery, delivery", {"A": _ONE}, (_A,), (newer,), state={_OVERWRITTEN: 2})
    poisoned = {"A": File("x", spliced=True, poisoned=True)}
    yield _case("internal errors: deliveries", poisoned, (_A, _A), (_A,))
    yield _case("internal errors: delivery, undo", poisoned, (_A, _A), (_UNDO,))
    both = {"A": _ONE, "C": _ONE}
    yield _case("delivery, same bytes", both, (_A,), (_C,))
    yield _case("sleeper, delivery then same bytes", both, (_A,), (_A, _C))
    yield _case("two feeds", {"A": _ONE, "C": File("x", feed="g")}, (_A,), (_C,))
    collided = {"A": File("x", md5="1"), "C": File("x", md5="2")}
    yield _case("same size and CRC", collided, (_A,), (_C,))
    failed: _Before = {"first": (_A,), "refused": (0,)}
    yield _case("same size and CRC, failed: replay", collided, (_REPLAY,), (_C,), **failed)
    forgetful = "same size and CRC, failed: replay of an earlier version's"
    yield _case(forgetful, collided, (_REPLAY,), (_C,), knows_md5=False, **failed)
    again: tuple[Key, ...] = (("staged", "C"),)
    newer = deliver(StagedFile("b", "C", 2))
    yield _case("same size and CRC, twice", collided, (_C,), (newer,), events=again, first=(_A,))
    killer = {"A": File("x", kills=True), "C": _ONE}
    hours = (_HOURS, _HOURS)
    yield _case("killer: deliveries in turn, same bytes", killer, (_A, _A, _A, _A), (_C,), events=hours)
    tried = _tried(2)
    hour = (_HOURS,)
    yield _case("tried twice: two deliveries", {"A": _ONE}, (_A,), (_A,), events=hour, state=tried)
    yield _case("tried twice: failing deliveries", {"A": _ONE}, (_A, _A), (_A,), events=hours, state=tried)
    yield _case("tried twice: clock ahead", {"A": _ONE}, (_A,), (_A,), events=hour, state=tried, ahead=(1,))
    yield _case("begun by an earlier version", {"A": _ONE}, (_A,), (_A,), state=_rewritten_earlier())
    refused: _Before = {"first": (_A,), "refused": (0,)}
    yield _case("refused earlier: replay, same bytes", both, (_REPLAY,), (_C,), earlier=True, **refused)
    taken: _Before = {"first": (_A, _C), "refused": (0,)}
    yield _case(
        "refused earlier, loaded since: replay, delivery", both, (_REPLAY,), (_A,), earlier=True, **taken
    )
    in_turn = {"A": File("x", in_turn=True), "B": File("y", in_turn=True)}
    yield _case("in turn: two files", in_turn, (_A,), (deliver(B),))
    yield _case("in turn: undo, another file", in_turn, (_UNDO,), (deliver(B),), first=(_A,))


def _operators() -> Iterator[Named]:
    one, both = {"A": _ONE}, {"A": _ONE, "C": _ONE}
    yield _case("delivery, undo twice", one, (_A,), (_UNDO, _UNDO))
    yield _case("undo alone", one, (_UNDO,), first=(_A,))
    yield _case("undo, undo", one, (_UNDO,), (_UNDO,), first=(_A,))
    yield _case("undo, same bytes", both, (_UNDO,), (_C,), first=(_A,))
    yield _case("undo, settle", one, (_UNDO,), (_settle(Undo()),), first=(_A,), wanted=Undo())
    yield _case("sleeper, undo then same bytes", both, (_A,), (_UNDO, _C))
    yield _case("sleeper, delivery, replay, undo, same bytes", both, (_A,), (_A, _REPLAY, _UNDO, _C))
    yield _case("give up, delivery", one, (_GIVE_UP,), (_A,))
    yield _case("give up, delivery in two parts", {"A": _TWO}, (_A, _GIVE_UP), (_A,))
    yield _case("give up, undo", one, (_A, _GIVE_UP), (_UNDO,))
    yield _case("give up, same bytes", both, (_A, _GIVE_UP), (_C,))
    failed: _Before = {"first": (_A,), "refused": (0,)}
    yield _case("failed: replay alone", one, (_REPLAY,), **failed)
    yield _case("failed: replay, replay", both, (_REPLAY,), (_REPLAY,), **failed)
    yield _case("failed: replay, undo", both, (_REPLAY,), (_UNDO,), **failed)
    yield _case("failed: replay, settle", both, (_REPLAY,), (_settle(Replay(1)),), wanted=Replay(1), **failed)
    yield _case("failed: replay, give up", both, (_REPLAY,), (_GIVE_UP,), **failed)
    yield _case("failed: replay, same bytes", both, (_REPLAY,), (_C,), **failed)
    yield _case("failed: replay, undo then same bytes", both, (_REPLAY,), (_UNDO, _C), **failed)
    yield _case("failed: replay, same bytes then undo", both, (_REPLAY,), (_C, _UNDO), **failed)
    partly: _Before = {"first": (_A,), "refused": (1,)}
    both = {"A": _TWO, "C": _TWO}
    yield _case("partly: replay, undo", both, (_REPLAY,), (_UNDO,), **partly)
    yield _case("partly: replay, same bytes", both, (_REPLAY,), (_C,), **partly)
    yield _case("partly: replay, undo then same bytes", both, (_REPLAY,), (_UNDO, _C), **partly)
    yield _case("partly: delivery, replay", both, (_A,), (_REPLAY,), **partly)


def _expiry() -> Iterator[Named]:
    one, both = {"A": _ONE}, {"A": _ONE, "C": _ONE}
    parts, claims = ("expires", "enriched"), (("expires", "claim"),)
    failed: _Before = {"first": (_A,), "refused": (0,)}
    yield _case("parts expire: two deliveries", one, (_A,), (_A,), events=(parts,))
    yield _case("parts expire: spliced", {"A": File("x", spliced=True)}, (_A,), (_A,), events=(parts,))
    yield _case("parts expire: replay, replay", one, (_REPLAY,), (_REPLAY,), events=(parts,), **failed)
    yield _case("claims expire: delivery, same bytes", both, (_A,), (_C,), events=claims)
    yield _case("claims expire: same bytes twice", both, (_A, _A), (_C, _C), events=claims)
    yield _case("claims expire: replay, same bytes", both, (_REPLAY,), (_C,), events=claims, **failed)
    yield _case("claims expire: undo, same bytes", both, (_UNDO,), (_C,), events=claims, first=(_A,))


def _upserts() -> Iterator[Named]:
    old, new = File("x", upserts=True, age=0), File("y", upserts=True, age=1)
    both = {"A": old, "B": new}
    failed: _Before = {"first": (_A,), "refused": (0,)}
    gone = (("expires", "staging"),)
    yield _case("keys: older, newer", both, (_A,), (deliver(B),))
    yield _case("keys: undo of older, newer", both, (_UNDO,), (deliver(B),), first=(_A,))
    yield _case("keys: replay of older, newer", both, (_REPLAY,), (deliver(B),), **failed)
    yield _case("keys: replay, undo", {"A": old}, (_REPLAY,), (_UNDO,), **failed)
    yield _case("keys: replay, replay", {"A": old}, (_REPLAY,), (_REPLAY,), **failed)
    yield _case("tables expire: two deliveries", {"A": old}, (_A,), (_A,), events=gone)
    yield _case("tables expire: replay, replay", {"A": old}, (_REPLAY,), (_REPLAY,), events=gone, **failed)


class _Before(TypedDict):
    first: Script
    refused: tuple[int, ...]


def _settle(wanted: Undo | Replay) -> Step:
    return Step(settle, (Pending(A, wanted),))


def _wanted(state: State, wanted: Undo | Replay) -> State:
    """Something is wanted of A, which has its report; nobody has appended it yet."""
    pending = Pending(A, wanted)
    state = {**state, pending_key(pending): pending}
    plan = fold(Log(A, state["log", "A#1"])).plan
    if isinstance(wanted, Replay) and plan is not None:
        claim = ("claim", plan.claim)
        state = {**state, claim: structs.replace(state[claim], epoch=wanted.epoch)}
    return state


def _tried(times: int) -> State:
    """Somebody has claimed the content, and `times` repeats have ended while they opened the file."""
    ended = tuple(Attempt(BEGINNING - timedelta(hours=ago)) for ago in range(times, 0, -1))
    return {("claim", "f/x"): Held(A, 0, None, 1), ("log", "A#1"): ended}


def _rewritten_earlier() -> State:
    """Version 0.1 has written down to load the file rewritten, its spliced part having been refused."""
    staged, state = prepared(A=_ONE)
    cloud = Cloud(dict(staged))
    candidate = cloud.execute(state, Look(A))[1]
    state, planned = cloud.execute(state, Prepare(candidate))
    log = Log(A, (planned,))
    refused = job_key(Job(fold(log), 0, JobKind.LOAD), 0)
    return {
        **state,
        ("claim", "f/x"): Held(A, 0, None, 1),
        ("log", "A#1"): log.entries,
        ("ignored refusals", "A#1"): 1,
        refused: SimulatedJob(None, JobEnd(error=REFUSED)),
    }


def random_case(chance: random.Random) -> Case:
    """Three to five actors of any kind at a few files."""
    names = chance.choice(("A", "AB", "AC", "ABC"))
    like = File(
        "",
        parts=chance.choice((1, 2)),
        spliced=chance.random() < 0.5,
        upserts=chance.random() < 0.2,
        dedupes=chance.random() < 0.9,
    )
    contents = {"A": "x", "B": "y", "C": "x"}
    files = {name: replace(like, content=contents[name], age=chance.randint(0, 2)) for name in names}
    oddity = chance.random()
    if oddity < 0.05:
        files["A"] = replace(files["A"], kills=True)
    elif oddity < 0.1:
        files["A"] = replace(files["A"], poisoned=True)
    elif oddity < 0.15:
        files["A"] = replace(files["A"], feed="g", upserts=False)
    elif oddity < 0.2:
        files["A"] = replace(files["A"], md5="1")
        files |= {name: replace(files[name], md5="2") for name in names[1:]}
    staged, state = prepared(**files)
    all_files = [StagedFile("b", name, 1) for name in names]
    calls = [deliver(file) for file in all_files] * 3
    calls += [Step(program, (file,)) for file in all_files for program in (_undoing, _replaying)]
    calls += [_GIVE_UP]
    if not files["A"].kills and chance.random() < 0.4:
        state = Judge(files).alone(state, deliver(A), chance.choice(((), (0,), (1,))))
        run = fold(Log(A, state["log", "A#1"]))
        if ("report", "A#1") in state:
            wanted = Replay(run.epoch + 1) if run.stage == "given_up" and chance.random() < 0.5 else Undo()
            calls += [_settle(wanted)]
            state = _wanted(state, wanted)
    scripts = tuple(tuple(chance.choices(calls, k=chance.randint(1, 3))) for _ in range(chance.randint(3, 5)))
    kinds: list[Key] = [_CALENDAR, _HOURS, _CODE, *(("staged", name) for name in names)]
    kinds += [("expires", kind) for kind in ("enriched", "claim", "staging")]
    events = tuple(chance.sample(kinds, chance.randint(0, 2)))
    ahead = (1,) if chance.random() < 0.1 else ()
    return Case(staged, state, scripts, events, ahead=ahead)
