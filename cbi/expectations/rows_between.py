"""A file has neither too few rows nor too many."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import Meta

from cbi.expectations.expectation import FileTest, Mistake, Test, WholeFileExpectation

Rows = Annotated[int, Meta(ge=0, le=10**12, description="a whole number of rows")]


class RowsBetween(WholeFileExpectation, frozen=True, kw_only=True):
    """Both numbers are allowed themselves."""

    min: Rows = 0
    max: Rows | None = None

    def tests(self) -> Iterator[Test]:
        wanted = f"at least {self.min:,}" + ("" if self.max is None else f" and at most {self.max:,}")
        yield FileTest(
            f"it must have {wanted}",
            lambda rows: rows < self.min or (self.max is not None and rows > self.max),
        )

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from super().mistakes(types)
        if self.max is not None and self.max < self.min:
            yield ("max",), f"is {self.max}; it must not be below min, {self.min}"
