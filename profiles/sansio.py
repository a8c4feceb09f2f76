"""Work that has to ask in between, written once: a generator that yields what it needs and is sent the answer.

A thread drives it with ``now`` and waits; an event loop with ``soon`` and serves others meanwhile. What the asking
raises is raised at the ``yield``.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Elsewhere = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Does in a thread what an event loop must not wait for."""


class Need(Protocol):
    """Something to be asked or done before the work goes on."""

    def now(self) -> Any:
        """The answer, waited for."""

    async def soon(self, elsewhere: Elsewhere) -> Any:
        """The answer, without holding up the event loop."""


Steps = Generator[Need, Any, T]


class Call:
    """Work that waits or computes for long: on an event loop it is done elsewhere."""

    __slots__ = ("_work",)

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    def now(self) -> Any:
        return self._work()

    async def soon(self, elsewhere: Elsewhere) -> Any:
        return await elsewhere(self._work)


def now(steps: Steps[T]) -> T:
    """What ``steps`` return; raises what they raise."""
    try:
        need = next(steps)
        while True:
            try:
                answer = need.now()
            except Exception as error:
                need = steps.throw(error)
            else:
                need = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


async def soon(steps: Steps[T], elsewhere: Elsewhere) -> T:
    """As ``now``, on an event loop. When it is cancelled, the steps are closed where they are."""
    try:
        need = next(steps)
        while True:
            try:
                answer = await need.soon(elsewhere)
            except Exception as error:
                need = steps.throw(error)
            else:
                need = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()
