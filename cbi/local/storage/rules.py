"""Object names and preconditions: what Cloud Storage refuses and the stand-in would let through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Json = dict[str, Any]


class Refusal(Exception):
    """A request to be answered with an error: HTTP `status`, the API's `reason`, a message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def not_found(bucket: str, name: str) -> Refusal:
    """The answer for an object, or a generation of it, that is not there."""
    return Refusal(404, "notFound", f"No such object: {bucket}/{name}")


def check_name(name: str) -> None:
    """Refuse names that Cloud Storage forbids, or that cannot be a file's path in the stand-in's folder.

    Cloud Storage itself takes empty segments and a `/` at either end; the stand-in loses such objects.
    """
    if any(segment in ("", ".", "..") for segment in name.split("/")):
        raise Refusal(400, "invalid", f"Object name {name!r} has an empty, '.' or '..' segment")
    if len(name.encode()) > 1024 or "\r" in name or "\n" in name:
        raise Refusal(400, "invalid", f"Object name {name[:50]!r} is too long or has a line break")


@dataclass(frozen=True)
class Preconditions:
    """The four conditions a request may put on an object; an absent object has generation 0."""

    generation_match: str | None = None
    generation_not_match: str | None = None
    metageneration_match: str | None = None
    metageneration_not_match: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], prefix: str = "if") -> Self:
        """Read them from a query string; those on the source of a copy have the prefix `ifSource`."""
        return cls(
            query.get(f"{prefix}GenerationMatch"),
            query.get(f"{prefix}GenerationNotMatch"),
            query.get(f"{prefix}MetagenerationMatch"),
            query.get(f"{prefix}MetagenerationNotMatch"),
        )

    def __bool__(self) -> bool:
        return self != Preconditions()

    def check(self, found: Json | None, *, reading: bool = False) -> None:
        """Refuse with 412 unless they hold for `found`; a read that merely found no change gets 304."""
        generation = str((found or {}).get("generation", "0"))
        metageneration = str((found or {}).get("metageneration", "0"))
        message = "At least one of the pre-conditions you specified did not hold."
        if self.generation_match not in (None, generation) or self.metageneration_match not in (
            None,
            metageneration,
        ):
            raise Refusal(412, "conditionNotMet", message)
        if self.generation_not_match == generation or self.metageneration_not_match == metageneration:
            raise Refusal(304 if reading else 412, "conditionNotMet", message)
