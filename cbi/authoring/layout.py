"""The schema of a new contract: its columns in order, those with a common prefix in STRUCTs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cbi.authoring.column_guess import Choice
from cbi.authoring.names import Names

# Fewer columns are as well found by their whole names.
_LEAST_MEMBERS = 3


@dataclass(frozen=True)
class DraftField:
    """A field to be written, with what is to be said of it as a comment; `source` is the file's column."""

    name: str
    choice: Choice
    required: bool = False
    source: str | None = None
    comment: str = ""
    fields: tuple["DraftField", ...] = ()


@dataclass(frozen=True)
class DraftColumn:
    """A column of the file that gets a field; one that stays at the top is in no STRUCT.

    `struct` is the file's own STRUCT that it is in.
    """

    source: str
    choice: Choice
    required: bool
    stays_at_top: bool
    comment: str = ""
    struct: str | None = None


def lay_out(columns: Sequence[DraftColumn], names: Names, flat: bool) -> list[DraftField]:
    """The fields of the columns, in their order; a STRUCT stands where the first of its members would."""
    groups = {} if flat else _find_groups(columns)
    fields: list[DraftField] = []
    at: dict[str, int] = {}
    inner: dict[str, Names] = {}
    for column in columns:
        prefix = groups.get(column.source)
        if prefix is None:
            fields.append(_field(column, column.source, names))
            continue
        if prefix not in at:
            at[prefix], inner[prefix] = len(fields), Names()
            fields.append(DraftField(names.legal(prefix), Choice("STRUCT")))
        struct = fields[at[prefix]]
        member = _field(column, column.source[len(prefix) + 1 :], inner[prefix])
        fields[at[prefix]] = replace(struct, fields=(*struct.fields, member))
    return fields


def _field(column: DraftColumn, text: str, names: Names) -> DraftField:
    name = names.legal(text)
    source = None if name == column.source else column.source
    return DraftField(name, column.choice, column.required, source, column.comment)


def _find_groups(columns: Sequence[DraftColumn]) -> Mapping[str, str]:
    """The prefix of the STRUCT that each column goes into; a column without one stays as it is.

    What is in a STRUCT in the file is in one in the table. Other columns go by what stands before the first _
    of their names. What all of them share tells nothing, nor does a prefix after which only numbers follow.
    """
    members: dict[str, list[str]] = {}
    for column in columns:
        prefix, underscore, rest = column.source.partition("_")
        if (
            column.struct is None
            and underscore
            and len(prefix) > 1
            and rest[:1].isalpha()
            and not column.stays_at_top
        ):
            members.setdefault(prefix, []).append(column.source)
    others = {column.source.lower() for column in columns}
    grouped = sum(not column.stays_at_top for column in columns)
    own = {column.source: column.struct for column in columns if column.struct and not column.stays_at_top}
    others |= {struct.lower() for struct in own.values()}
    return own | {
        name: prefix
        for prefix, sources in members.items()
        if _LEAST_MEMBERS <= len(sources) < grouped and prefix.lower() not in others
        for name in sources
    }
