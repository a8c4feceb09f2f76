"""Work that waits for I/O in between, written once and run synchronously or on an event loop.

Such work is a generator (``Steps``). It yields a ``Need``, such as commands for Redis, and is sent the result.
``run_sync`` waits for each result; ``run_async`` lets the event loop serve others meanwhile. What a need raises is
raised at the ``yield``.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a blocking function in a thread."""


class Need(Protocol):
    """One operation whose result the work needs."""

    def result(self) -> Any:
        """Wait for the result."""

    async def result_async(self, in_thread: InThread) -> Any:
        """Wait for the result without blocking the event loop."""


Steps = Generator[Need, Any, T]


class Call:
    """A blocking function. On an event loop it runs in a thread."""

    __slots__ = ("_work",)

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    def result(self) -> Any:
        return self._work()

    async def result_async(self, in_thread: InThread) -> Any:
        return await in_thread(self._work)


def run_sync(steps: Steps[T]) -> T:
    """What ``steps`` return; raises what they raise."""
    try:
        need = next(steps)
        while True:
            try:
                answer = need.result()
            except Exception as error:
                need = steps.throw(error)
            else:
                need = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


async def run_async(steps: Steps[T], in_thread: InThread) -> T:
    """As ``run_sync``, on an event loop. When it is cancelled, the steps are closed where they are."""
    try:
        need = next(steps)
        while True:
            try:
                answer = await need.result_async(in_thread)
            except Exception as error:
                need = steps.throw(error)
            else:
                need = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()
