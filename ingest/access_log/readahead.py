"""The next blocks of a log are read and cut by another thread while this one looks at the last: both mostly wait for
NumPy, Arrow and zlib, which need no interpreter."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def readahead(source: Iterator[T], function: Callable[[T], U]) -> Iterator[U]:
    """``function`` of each value, in their order; the next one is worked out meanwhile. An error of ``source`` comes
    after what came before it. Whoever stops early waits for the one that is worked on."""

    def following() -> tuple[U] | None:
        for value in source:
            return (function(value),)
        return None

    with ThreadPoolExecutor(1, "read ahead") as thread:
        coming = thread.submit(following)
        while (found := coming.result()) is not None:
            coming = thread.submit(following)
            yield found[0]
