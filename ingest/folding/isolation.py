"""Isolation: one item that makes the work on many fail is set aside; the others go on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from tracker.unavailable import Unavailable
from warehouse.delta import PositionsMoved

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):
    """Told to stop in the middle of a batch: nothing may be committed."""


PASSING = (
    Unavailable,
    PositionsMoved,
    OSError,
    MemoryError,
    Stopped,
)
"""Failures that no item causes and that pass: a store is unavailable, another worker was first, the disk or the memory
is full. The size of records is limited, so that no single one can fill the memory."""


def isolated(
    work: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T], aside: Callable[[T, Exception], None]
) -> list[R]:
    """The results of ``work`` for the items, in their order. Where it fails, it is called again for each half, down to
    the single item on which it fails. That item is given to ``aside`` before ``work`` is called for any later one.

    ``work`` may have done a part before it fails, and must allow that part to be repeated. Raises PASSING.
    """
    try:
        return [*work(items)]
    except PASSING:
        raise
    except Exception as error:
        if len(items) < 2:
            for item in items:
                aside(item, error)
            return []
    half = len(items) // 2
    return [*isolated(work, items[:half], aside), *isolated(work, items[half:], aside)]
