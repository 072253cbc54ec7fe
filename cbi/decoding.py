"""Getting a type ready to be decoded as, which one thread must do alone.

msgspec 0.22 takes a type apart when it is first decoded as. A thread that meets a type, or one inside it,
which another is just taking apart, ends the process with a segmentation fault; and an instance's first events
come at the same time.
"""

from threading import Lock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_alone = Lock()
_known: set[Any] = set()


def ready(kind: type[T]) -> type[T]:
    """The type, once every thread may decode it."""
    if kind not in _known:
        with _alone:
            msgspec.json.Decoder(kind)
            _known.add(kind)
    return kind
