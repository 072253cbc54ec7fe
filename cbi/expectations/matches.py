"""A whole text matches a regular expression, in RE2's syntax: https://github.com/google/re2/wiki/Syntax"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from cbi.expectations.expectation import ColumnsExpectation, Mistake, RowTest, of_values


class Matches(ColumnsExpectation, frozen=True, kw_only=True):
    takes = ("STRING",)

    pattern: Annotated[
        str, Meta(min_length=1, max_length=1_000, description="a regular expression, as text in quotes")
    ]

    def test(self, column: str) -> RowTest:
        whole = rf"\A(?:{self.pattern})\z"
        return RowTest(
            column,
            (column,),
            f"{column} does not match {self.pattern}",
            failing=lambda rows: of_values(
                rows[column], lambda text: pc.invert(pc.match_substring_regex(text, whole))
            ),
        )

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from super().mistakes(types)
        try:
            pc.match_substring_regex(pa.array([""]), self.pattern)
        except pa.ArrowInvalid as error:
            yield ("pattern",), f"is {self.pattern!r}; it must be a regular expression of RE2: {error}"
