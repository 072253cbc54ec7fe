"""Numbers in sentences: of things, of bytes, of seconds."""


def counted(number: int, one: str, many: str) -> str:
    """`1 row is`, `1,204 rows are`: a number, and what follows it for one and for any other."""
    return f"{number:,} {one if number == 1 else many}"


def byte_size(size: int) -> str:
    """`46.5 kB`: a number of bytes in a decimal unit, with three digits."""
    number, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 999.5:
            break
        number, unit = number / 1000, larger
    return f"{number:.3g} {unit}"


def duration(seconds: float) -> str:
    """`12 ms`, `4.31 s`, `5 min 20 s`: how long something took."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
