"""The Content-Range header of resumable uploads, to Cloud Storage and to BigQuery alike."""

import re
from dataclasses import dataclass
from typing import Self

_HEADER = re.compile(r"bytes (?:\*|(?P<first>\d+)-(?P<last>\d+))/(?:\*|(?P<total>\d+))")


@dataclass(frozen=True)
class ContentRange:
    """The bytes a chunk holds, both ends included; a status query holds none."""

    first: int | None
    last: int | None
    total: int | None

    @classmethod
    def parse(cls, header: str | None, size: int) -> Self:
        """Read a Content-Range header; without one the body is the whole content of `size` bytes.

        Raises ValueError for anything else.
        """
        if header is None:
            return cls(0, size - 1, size)
        match = _HEADER.fullmatch(header)
        if match is None:
            raise ValueError(f"Content-Range {header!r} is malformed")
        first, last, total = (None if group is None else int(group) for group in match.groups())
        return cls(first, last, total)

    def continues(self, received: int) -> bool:
        """Whether this is what comes after `received` bytes; the empty end of a full upload counts."""
        return self.total == received if self.first is None else self.first == received

    @property
    def is_final(self) -> bool:
        """Whether the content is whole with this chunk."""
        return self.total is not None and (self.last is None or self.last + 1 == self.total)


def received_header(received: int) -> dict[str, str]:
    """The header of a 308 answer that says how many bytes have come."""
    return {"Range": f"bytes=0-{received - 1}"} if received else {}
