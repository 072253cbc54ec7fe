"""The simulation finds the faults that it is there to find."""

import pytest

from cbi.runs.protocol import chain
from simulation.cases import cases
from simulation.explore import explore
from simulation.lengths import LONG
from simulation.mutants import MUTANTS, Mutant

_QUICK = {
    "adopted_unseen",
    "internal_errors_uncounted",
    "merge_unsealed",
    "never_convicted",
    "partly_is_free",
    "undoing_is_free",
}
_CASES = cases()


@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if LONG or each.name in _QUICK], ids=lambda each: each.name
)
def test_a_fault_is_caught(mutant: Mutant, capsys: pytest.CaptureFixture[str]) -> None:
    with mutant.in_place():
        said = _violation(mutant.caught_by)
    assert said, f"{mutant.name} is not caught: {mutant.why}"
    if LONG:
        with capsys.disabled():
            print(f"\n{mutant.name:<28} caught by {mutant.caught_by}, {len(said)} lines: {said[-1]}", end="")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_a_fault_is_one_of_the_code_as_it_is(mutant: Mutant) -> None:
    assert mutant.caught_by in _CASES
    with mutant.in_place():
        pass


def test_what_is_no_longer_in_the_code_is_not_taken_for_caught() -> None:
    stale = Mutant("stale", chain, "no such line", "", "was there once", "undo, undo")
    with pytest.raises(LookupError, match="stale: not once"), stale.in_place():
        pass


def _violation(case: str) -> tuple[str, ...] | None:
    try:
        return explore(_CASES[case], faults=1).violation
    except KeyError as missing:  # waits for a job that there is not
        return (f"asks for {missing}",)
