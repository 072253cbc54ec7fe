"""Names that BigQuery takes as a column's, made of whatever a file calls its columns."""

import re
import unicodedata
from collections.abc import Iterable

from cbi.contract.feed import LONGEST_COLUMN_NAME, is_column_name


def legal_name(text: str) -> str:
    """The nearest name of letters, digits and _ to a text: accents go, anything else becomes _."""
    if is_column_name(text):
        return text
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", ascii_text).strip("_")[: LONGEST_COLUMN_NAME - 10]
    if not name:
        return "column"
    return name if is_column_name(name) else f"_{name}"


class Names:
    """Names within one STRUCT or at the top, where those that differ only in case are the same."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.lower() for name in taken}

    def legal(self, text: str) -> str:
        """A legal name that nothing else has; of a name that is taken, the next with a number."""
        name = base = legal_name(text)
        number = 2
        while name.lower() in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name.lower())
        return name
