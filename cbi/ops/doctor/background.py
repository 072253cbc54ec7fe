"""Functions in threads that do not keep the process from ending, as those of a pool do."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_background(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    """Start a function in a thread of its own. The future returns or raises what it does."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # goes to whoever asks for the result
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
