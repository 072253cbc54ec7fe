"""Numbers of things in sentences."""


def counted(number: int, one: str, many: str) -> str:
    """`1 row is`, `1,204 rows are`: a number, and what follows it for one and for any other."""
    return f"{number:,} {one if number == 1 else many}"
