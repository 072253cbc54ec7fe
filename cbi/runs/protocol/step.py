"""A step: a program that yields requests and takes their answers, and says which step comes after it."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from cbi.runs.protocol.requests import Request

Steps = Generator[Request, Any, "Step | None"]
Program = Callable[..., Steps]


@dataclass(frozen=True)
class Step:
    """A program and its arguments. As it knows nothing else, whoever is in it is described by it and by the
    answers since."""

    program: Program
    args: tuple[Any, ...]

    def begin(self) -> Steps:
        return self.program(*self.args)
