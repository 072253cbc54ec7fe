"""Numbers in few characters."""


def short(number: float) -> str:
    """Three digits and a thousand's name: 1,234,567 is 1.23 M."""
    for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= 0.9995 * size:
            return f"{three_digits(number / size)}{name}"
    return three_digits(number)


def count(number: int) -> str:
    """A round number as people say it: 10,000,000 is 10 M."""
    return short(number).replace(".00", "").replace(".0", "")


def size(number: float) -> str:
    return f"{short(number)}B" if number >= 1000 else f"{number:.0f} B"


def time(seconds: float) -> str:
    return f"{three_digits(seconds)} s" if seconds >= 1 else f"{three_digits(1000 * seconds)} ms"


def three_digits(number: float) -> str:
    """1,234 is 1,234, 123.4 is 123, 12.34 is 12.3, and 0.01234 is 0.012."""
    places = 0 if number >= 99.95 else 1 if number >= 9.995 else 2 if number >= 0.0995 else 3
    return f"{number:,.{places}f}"
