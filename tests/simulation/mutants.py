"""Deliberate faults in the protocol's own code: what the simulation must catch.

A mutant is a module's source with a piece replaced. It is put into the functions that are in use already,
whoever has imported them, by their code.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType, ModuleType

from simulation.world import forget_actors


@dataclass(frozen=True)
class Mutant:
    """`caught_by`: the case whose exploration shows that something is wrong."""

    name: str
    module: ModuleType
    original: str
    replacement: str
    why: str
    caught_by: str

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The protocol with this fault."""
        source = inspect.getsource(self.module)
        if source.count(self.original) != 1:
            raise LookupError(f"{self.name}: not once in {self.module.__name__}: {self.original}")
        changed: dict[str, object] = {"__name__": f"{self.module.__name__}.{self.name}"}
        code = compile(source.replace(self.original, self.replacement), f"<mutant {self.name}>", "exec")
        exec(code, changed)
        functions = {
            function: other
            for name, function in vars(self.module).items()
            if isinstance(function, FunctionType) and function.__module__ == self.module.__name__
            if isinstance(other := changed[name], FunctionType)
        }
        sound = {function: function.__code__ for function in functions}
        forget_actors()
        try:
            for function, other in functions.items():
                function.__code__ = other.__code__
            yield
        finally:
            for function, its_code in sound.items():
                function.__code__ = its_code
            forget_actors()
