"""Numbers in sentences."""

import pytest

from cbi.wording import byte_size, counted, duration


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 rows are"), (1, "1 row is"), (2, "2 rows are"), (1204, "1,204 rows are")]
)
def test_one_is_not_many(number: int, text: str) -> None:
    assert counted(number, "row is", "rows are") == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (46_507, "46.5 kB"),
        (999_600, "1 MB"),
        (2 * 10**15, "2e+03 TB"),
    ],
)
def test_bytes_have_three_digits(size: int, text: str) -> None:
    assert byte_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0124, "12 ms"), (0.427, "427 ms"), (4.312, "4.31 s"), (59.94, "59.9 s"), (320.2, "5 min 20 s")],
)
def test_how_long_is_told_in_the_unit_that_suits(seconds: float, text: str) -> None:
    assert duration(seconds) == text
