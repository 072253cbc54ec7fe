"""Random schedules of three to five actors of any kind, each known by its seed."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest
from support.examples import examples

from simulation.lengths import LONG
from simulation.wander import search

_SEEDS = 2_000
_FEW = [range(start, start + examples(_SEEDS)) for start in range(0, 8_000, _SEEDS)]
_MANY = [range(start, start + _SEEDS) for start in range(0, 1_000_000, _SEEDS)]


@pytest.mark.skipif(LONG, reason="many more are tried")
@pytest.mark.parametrize("seeds", _FEW, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_no_random_schedule_breaks_a_promise(seeds: range) -> None:
    assert search(seeds) is None


@pytest.mark.skipif(not LONG, reason="takes many minutes: make simulate")
def test_none_of_a_million_random_schedules_breaks_a_promise(capsys: pytest.CaptureFixture[str]) -> None:
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for number, failure in enumerate(processes.map(search, _MANY), 1):
            assert failure is None
            if number % 50 == 0:
                with capsys.disabled():
                    print(f"\n{number * _SEEDS:>9,} random schedules", end="")
