"""The checks that a contract may ask for, each a key of its `checks`.

To add one, write a file beside this one with an Expectation (`expectation.py`), and a line here.
"""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import fields

from cbi.expectations.bounds import Bounds
from cbi.expectations.compared import AtLeast, AtMost
from cbi.expectations.expectation import Expectation
from cbi.expectations.finite import Finite
from cbi.expectations.increasing import IncreasingBy
from cbi.expectations.matches import Matches
from cbi.expectations.not_blank import NotBlank
from cbi.expectations.not_null import NotNull
from cbi.expectations.null_share import NullShareAtMost
from cbi.expectations.one_of import OneOf
from cbi.expectations.rows_between import RowsBetween
from cbi.expectations.trimmed import Trimmed
from cbi.expectations.unique import Unique

_RULES = Meta(description="a list of rules, each a map")


class Expectations(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rules of a contract, by the check that looks after them, in the order of a report."""

    not_null: Annotated[tuple[NotNull, ...], _RULES] = ()
    null_share_at_most: Annotated[tuple[NullShareAtMost, ...], _RULES] = ()
    not_blank: Annotated[tuple[NotBlank, ...], _RULES] = ()
    trimmed: Annotated[tuple[Trimmed, ...], _RULES] = ()
    matches: Annotated[tuple[Matches, ...], _RULES] = ()
    one_of: Annotated[tuple[OneOf, ...], _RULES] = field(default=(), name="in")
    finite: Annotated[tuple[Finite, ...], _RULES] = ()
    bounds: Annotated[tuple[Bounds, ...], _RULES] = ()
    at_least: Annotated[tuple[AtLeast, ...], _RULES] = ()
    at_most: Annotated[tuple[AtMost, ...], _RULES] = ()
    unique: Annotated[tuple[Unique, ...], _RULES] = ()
    increasing_by: Annotated[tuple[IncreasingBy, ...], _RULES] = ()
    rows_between: Annotated[tuple[RowsBetween, ...], _RULES] = ()

    def rules(self) -> Iterator[tuple[str, int, Expectation]]:
        """Every rule, with its check's name and its place among the rules of that."""
        for check in fields(Expectations):
            for number, rule in enumerate(getattr(self, check.name)):
                yield check.encode_name, number, rule
