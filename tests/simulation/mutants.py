"""Deliberate faults in the protocol's own code: what the simulation must catch.

A mutant is a module's source with a piece replaced. It is put into the functions that are in use already,
whoever has imported them, by their code.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType, ModuleType

from cbi.runs.protocol import chain, decisions, log, steps
from simulation.world import forget_actors


@dataclass(frozen=True)
class Mutant:
    """`caught_by`: the case whose exploration shows that something is wrong."""

    name: str
    module: ModuleType
    original: str
    replacement: str
    why: str
    caught_by: str

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The protocol with this fault."""
        source = inspect.getsource(self.module)
        if source.count(self.original) != 1:
            raise LookupError(f"{self.name}: not once in {self.module.__name__}: {self.original}")
        changed: dict[str, object] = {"__name__": f"{self.module.__name__}.{self.name}"}
        code = compile(source.replace(self.original, self.replacement), f"<mutant {self.name}>", "exec")
        exec(code, changed)
        functions = {
            function: other
            for name, function in vars(self.module).items()
            if isinstance(function, FunctionType) and function.__module__ == self.module.__name__
            if isinstance(other := changed[name], FunctionType)
        }
        sound = {function: function.__code__ for function in functions}
        forget_actors()
        try:
            for function, other in functions.items():
                function.__code__ = other.__code__
            yield
        finally:
            for function, its_code in sound.items():
                function.__code__ = its_code
            forget_actors()


MUTANTS = (
    Mutant(
        "no_fence",
        chain,
        "    if not seals:\n        return PartEnd(error=error)\n    return (yield",
        "    return PartEnd(error=error)\n    return (yield",
        "a refused part is taken for absent while its job id may still be used",
        "sleeper, delivery, replay, undo, same bytes",
    ),
    Mutant(
        "goes_past_a_fence",
        chain,
        "        if end.fence:\n            return PartEnd(error=end.error)\n        if end.error is None:",
        "        if end.fence:\n"
        "            attempt, answer = attempt + 1, None\n"
        "            continue\n"
        "        if end.error is None:",
        "a fence is taken for a failed job, and the next id is used",
        "spliced: two deliveries",
    ),
    Mutant(
        "fence_adopted",
        chain,
        "        if end.fence:\n            return PartEnd(error=end.error)\n        if end.error is None:",
        "        if end.fence:\n"
        "            return PartEnd(loaded=LoadJob('fence', 1, 1))\n"
        "        if end.error is None:",
        "a fence counts as a load",
        "spliced: two deliveries",
    ),
    Mutant(
        "adopted_unseen",
        chain,
        "        end: JobEnd = yield Wait(job, attempt)\n"
        "        if end.fence:\n"
        "            return PartEnd(error=end.error)",
        "        if answer == 'exists':\n"
        "            return PartEnd(loaded=LoadJob('other', 1, 1))\n"
        "        end: JobEnd = yield Wait(job, attempt)\n"
        "        if end.fence:\n"
        "            return PartEnd(error=end.error)",
        "another's job counts as loaded before it has ended",
        "one part: two deliveries",
    ),
    Mutant(
        "seals_failed_id",
        chain,
        "        error = error or end.error\n        attempt += 1\n\n\ndef _follow",
        "        return PartEnd(error=error or end.error)\n\n\ndef _follow",
        "sealing stops at a failed job, the next id being open",
        "failed: replay, undo",
    ),
    Mutant(
        "seals_second_id",
        chain,
        "    attempt = 0\n    while True:\n        yield InsertFence",
        "    attempt = 1\n    while True:\n        yield InsertFence",
        "the open id is not the one that is burnt",
        "spliced: two deliveries",
    ),
    Mutant(
        "earlier_replay_loads",
        log,
        "            sealing = entry.epoch == 0",
        "            sealing = False",
        "what version 0.1 gave up is loaded though another run has the content by now",
        "refused earlier, loaded since: replay, delivery",
    ),
    Mutant(
        "staging_sealed",
        chain,
        "    kind = JobKind.MERGE if run.plan is not None and run.plan.target.upserts else JobKind.LOAD\n"
        "    return (yield from seal(Job(run, part, kind), None))",
        "    return (yield from seal(_first_job(run, part), None))",
        "the staging load is sealed, the merge is not",
        "keys: replay, undo",
    ),
    Mutant(
        "merge_unsealed",
        chain,
        "        return (yield from seal(merge, staged.error))",
        "        return PartEnd(error=staged.error)",
        "a merge is not sealed where its staging load was refused",
        "upserted: two deliveries",
    ),
    Mutant(
        "internal_errors_uncounted",
        chain,
        '        internal_errors += end.error.reason == "internalError"',
        "        internal_errors += 0",
        "an internal error is tried again and again",
        "internal errors: deliveries",
    ),
    Mutant(
        "tries_counted_at_once",
        decisions,
        "    if before and time.now",
        "    if False and time.now",
        "deliveries that overlap convict a good file",
        "tried twice: two deliveries",
    ),
    Mutant(
        "never_convicted",
        decisions,
        '    return "fail" if len(before) >= MOST_TRIES else "try"',
        '    return "try"',
        "a file that ends its reader is read for ever",
        "killer: deliveries in turn, same bytes",
    ),
    Mutant(
        "undoing_is_free",
        decisions,
        '        case "undone" | "failed":',
        '        case "undone" | "failed" | "undoing":',
        "a content is taken over while its rows are being deleted",
        "undo, same bytes",
    ),
    Mutant(
        "partly_is_free",
        decisions,
        '            return "loaded" if run.loaded else "free"',
        '            return "free"',
        "a content is taken over from a run that has loaded a part",
        "partly: replay, same bytes",
    ),
    Mutant(
        "reported_is_open",
        decisions,
        '        case "loading" if run.first and reported:',
        '        case "loading" if run.first and not reported:',
        "a run counts as loaded before it is",
        "delivery, same bytes",
    ),
    Mutant(
        "mixed",
        decisions,
        "    if loaded and not _same_rows(run.plan, rewritten.plan):",
        "    if False:",
        "parts by two calendars are put together",
        "two deliveries, calendar",
    ),
    Mutant(
        "code_version_ignored",
        decisions,
        "    same_inputs = plan.inputs_digest == other.inputs_digest",
        "    same_inputs = plan.inputs_digest[0] == other.inputs_digest[0]",
        "parts by two versions are put together",
        "two deliveries, code",
    ),
    Mutant(
        "loaded_parts_forgotten",
        decisions,
        "    there = {part.number: part for part in run.loaded}\n    there |=",
        "    there: dict[int, LoadedPart] = {}\n    there |=",
        "what earlier epochs loaded is forgotten",
        "partly: replay, undo",
    ),
    Mutant(
        "undo_unsealed",
        log,
        '            replayed = run.stage == "loading" and not run.first',
        "            replayed = False",
        "an undo leaves a replay's job ids open",
        "failed: replay, undo",
    ),
    Mutant(
        "plan_epoch_ignored",
        log,
        "                plan_epoch=entry.epoch,",
        "                plan_epoch=0,",
        "a rewritten file's quarantine goes where the spliced one's is",
        "spliced in one part: two deliveries, calendar",
    ),
    Mutant(
        "append_lost",
        steps,
        "        log = yield ReadLog(log.file)\n"
        '        if fold(log).stage != "undecided":\n'
        "            return Step(advance, (log.file, then))\n"
        "    if isinstance(entry",
        "        appended = Log(log.file, (*log.entries, entry))\n        break\n    if isinstance(entry",
        "who loses the append goes on by its own plan",
        "two deliveries, calendar",
    ),
    Mutant(
        "rewrite_unlogged",
        steps,
        "    yield Append(log, entry)\n    return Step(advance, (run.file, then))\n\n\n# ---- operators",
        "    if not isinstance(entry, GivenUp):\n"
        "        return Step(load, (Log(log.file, (*log.entries, entry)), then))\n"
        "    yield Append(log, entry)\n"
        "    return Step(advance, (run.file, then))\n"
        "\n"
        "\n"
        "# ---- operators",
        "what is rewritten is written down nowhere",
        "two deliveries, calendar",
    ),
    Mutant(
        "published_first",
        steps,
        "    yield Append(log, entry)\n    return Step(advance, (run.file, then))\n\n\n# ---- operators",
        "    if run.first and isinstance(entry, GivenUp):\n"
        "        yield Publish(run, loaded, failure)\n"
        "    yield Append(log, entry)\n"
        "    return Step(advance, (run.file, then))\n"
        "\n"
        "\n"
        "# ---- operators",
        "a failed report is published before the run is given up",
        "two deliveries, overwritten",
    ),
    Mutant(
        "given_up_unlogged",
        steps,
        "    yield Append(log, entry)\n    return Step(advance, (run.file, then))\n\n\n# ---- operators",
        "    if run.first and isinstance(entry, GivenUp):\n"
        "        yield Publish(run, loaded, failure)\n"
        "        return then\n"
        "    yield Append(log, entry)\n"
        "    return Step(advance, (run.file, then))\n"
        "\n"
        "\n"
        "# ---- operators",
        "a failed report without an entry",
        "two deliveries, overwritten",
    ),
    Mutant(
        "superseded_unlogged",
        steps,
        "        yield Append(log, looked)\n        return Step(advance",
        "        import dataclasses\n"
        "        failed = dataclasses.replace(fold(log), found=looked.found)\n"
        "        yield Publish(failed, (), looked.failure)\n"
        "        return Step(advance",
        "that a generation was overwritten is reported and not written down",
        "two deliveries, overwritten",
    ),
    Mutant(
        "unclaimed",
        steps,
        "    if (yield TakeClaim(looked.claim, None, log.file, epoch=0)):",
        "    yield TakeClaim(looked.claim, None, log.file, epoch=0)\n    if True:",
        "a claim that another has is not looked at",
        "delivery, same bytes",
    ),
    Mutant(
        "claimed_blindly",
        steps,
        "        return Step(help_owner, (wanted, held, then))\n    if (yield",
        "        log: Log = yield ReadLog(held.owner)\n"
        '        if fold(log).stage not in ("undecided", "loading"):\n'
        "            return Step(help_owner, (wanted, held, then))\n"
        "    if (yield",
        "a content is taken over from a run that has no report yet",
        "delivery, same bytes",
    ),
    Mutant(
        "taken_unasked",
        steps,
        "    return taken\n",
        "    return True\n",
        "who loses the race for a content goes on",
        "failed: replay, same bytes",
    ),
    Mutant(
        "md5_forgotten",
        steps,
        "    md5 = wanted.claim.md5 or (held.md5 if held else None)",
        "    md5 = wanted.claim.md5",
        "a replay leaves a claim that any content of its size and CRC is taken for",
        "same size and CRC, failed: replay of an earlier version's",
    ),
    Mutant(
        "replay_unclaimed",
        steps,
        "        return Step(claim, (Wanted(file, claim_of(run.plan), run.epoch + 1), None))",
        "        return Step(claimed, (Wanted(file, claim_of(run.plan), run.epoch + 1), None, True))",
        "a replay does not change the claim",
        "failed: replay, same bytes",
    ),
    Mutant(
        "own_claim_kept",
        steps,
        "held.owner == wanted.file and held.epoch >= wanted.epoch:",
        "held.owner == wanted.file:",
        "a replay goes by the claim of the epoch before",
        "failed: replay, same bytes",
    ),
    Mutant(
        "epoch_not_opened",
        steps,
        "        yield MarkPending(pending)\n"
        "        yield Append(log, Replay(held.epoch))\n"
        "        judged = Step(settled, (pending, judged))",
        "        pass",
        "who meets a replay that has only claimed does not open it",
        "failed: replay, same bytes",
    ),
    Mutant(
        "undo_unreported",
        steps,
        "    return Step(advance, (file, Step(undo_reported, (file,))))",
        "    return Step(undo_reported, (file,))",
        "an undo does not wait for the run to end",
        "one part: delivery, undo",
    ),
    Mutant(
        "undo_unmarked",
        steps,
        "    pending = Pending(file, Undo())\n    yield MarkPending(pending)\n",
        "    pending = Pending(file, Undo())\n",
        "an undo is marked nowhere: if it dies nobody goes on with it",
        "undo alone",
    ),
    Mutant(
        "replay_unmarked",
        steps,
        "        pending = Pending(file, Replay(wanted.epoch))\n        yield MarkPending(pending)\n",
        "        pending = Pending(file, Replay(wanted.epoch))\n",
        "a replay is marked nowhere: if it dies nobody goes on with it",
        "failed: replay alone",
    ),
    Mutant(
        "marked_late",
        steps,
        "    yield MarkPending(pending)\n    appended: Log | None = yield Append(log, Undo())\n    if",
        "    appended: Log | None = yield Append(log, Undo())\n    yield MarkPending(pending)\n    if",
        "an undo is marked only once it is written down",
        "undo alone",
    ),
    Mutant(
        "deletion_unchecked",
        steps,
        "        if end.error is None:\n            return end.rows",
        '        if end.error is None or answer == "exists":\n            return end.rows',
        "a deletion that failed counts",
        "undo, undo",
    ),
    Mutant(
        "quarantine_expiry_ignored",
        steps,
        "    kept = not run.sealing and (yield KeepQuarantine(run))",
        "    yield KeepQuarantine(run)\n    kept = True",
        "rows are loaded though those left out have gone",
        "parts expire: two deliveries",
    ),
    Mutant(
        "collision_unclaimed",
        steps,
        "            return Step(claim, (wanted.apart(), then))",
        "            return Step(claimed, (wanted, then, True))",
        "a content that collides with another is claimed by nobody",
        "same size and CRC, twice",
    ),
    Mutant(
        "undo_mark_cleared_early",
        steps,
        "    return Step(advance, (file, Step(settled, (pending, None))))\n\n\ndef settle(",
        "    yield ClearPending(pending)\n    return Step(advance, (file, None))\n\n\ndef settle(",
        "an undo's mark goes before its rows",
        "undo alone",
    ),
    Mutant(
        "replay_mark_cleared_early",
        steps,
        "        yield Append(log, Replay(wanted.epoch))\n"
        "        then = Step(settled, (pending, then))\n"
        "    return",
        "        yield Append(log, Replay(wanted.epoch))\n        yield ClearPending(pending)\n    return",
        "a replay's mark goes before its rows have come",
        "failed: replay alone",
    ),
    Mutant(
        "survivor_convicted",
        log,
        "isinstance(entry, Attempt) and entry.at not in survived",
        "isinstance(entry, Attempt)",
        "a try that failed for another reason convicts a good file",
        "tried twice: failing deliveries",
    ),
    Mutant(
        "turn_not_waited_for",
        steps,
        '        if owner.stage in ("undecided", "loading", "undoing") and not reported:',
        "        if False:",
        "a file's keys are looked for while those of another are on their way",
        "in turn: two files",
    ),
    Mutant(
        "turn_not_taken",
        steps,
        "    return then if taken else Step(take_turn, (candidate, then))",
        "    return then",
        "two files look for their keys at once",
        "in turn: two files",
    ),
    Mutant(
        "given_up_unsealed",
        steps,
        "            ends.append((yield from seal_part(run, part)))\n"
        "        loaded = all_loaded(run, ends)\n"
        "        if len",
        "            pass\n        loaded = run.loaded\n        if len",
        "an operator's giving up burns no job id",
        "give up, delivery",
    ),
)
