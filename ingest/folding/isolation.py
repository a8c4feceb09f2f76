"""One item that breaks what is done to many is set aside; the others go on."""

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
"""What is no item's fault and passes: something is away, somebody else was first, the disk or the memory is full.
Records are bounded, so that no single one can fill the memory."""


def isolated(
    work: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T], aside: Callable[[T, Exception], None]
) -> list[R]:
    """What ``work`` makes of the items, in their order. Where it fails, it is asked anew for each half, down to the
    item that it fails on alone: that one is set ``aside`` before ``work`` is asked for any later one.

    ``work`` must bear that it has done a part when it fails. Raises PASSING.
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
