"""Every interleaving of two actors, with at most one fault, for each pair of kinds."""

import pytest

from simulation.cases import cases
from simulation.explore import explore
from simulation.lengths import LONG

_CASES = cases()


_TRIED = [name for name, case in _CASES.items() if LONG or case.quick]
_LARGE = {"keys: replay, replay", "two parts: two deliveries", "upserted: two deliveries"}
_IT_IS_LARGE = pytest.mark.slow("it has tens of thousands of states")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[_IT_IS_LARGE] * (name in _LARGE)) for name in _TRIED]
)
def test_no_interleaving_breaks_a_promise(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = explore(_CASES[name], faults=1)
    assert found.violation is None, "\n".join(found.violation)
    if LONG:
        with capsys.disabled():
            print(f"\n{name:<50} {found.states:>9,} states, {found.ends:>6,} ends, none left out", end="")
