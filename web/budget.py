"""The time that one answer may take: work beside the request, given up when its time is over."""

import logging
import time
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""After a failure nobody waits for that store for so long."""


class Late(Exception):
    """The work was not done in time, or failed; what it would have brought is done without."""


class Budget:
    """The clock of one request."""

    __slots__ = ("_clock", "_started", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds, self._clock, self._started = seconds, clock, clock()

    @property
    def spent(self) -> float:
        return self._clock() - self._started

    @property
    def left(self) -> float:
        return max(0.0, self.seconds - self.spent)


class Bounded:
    """Runs calls of one store in threads of its own, so that one which hangs costs nobody more than the budget.

    After a failure the store is left alone for PAUSE_SECONDS.
    """

    def __init__(self, name: str, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._clock = name, clock
        self._pool = futures.ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._paused_until = float("-inf")

    def call(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns within ``seconds``. Raises Late."""
        if seconds <= 0 or self._clock() < self._paused_until:
            raise Late(f"{self._name}: no time")
        future = self._pool.submit(work)
        try:
            return future.result(seconds)
        except futures.TimeoutError as error:
            future.cancel()
            self._pause("took too long")
            raise Late(f"{self._name}: took too long") from error
        except Exception as error:
            self._pause(str(error))
            raise Late(f"{self._name}: {error}") from error

    def _pause(self, why: str) -> None:
        self._paused_until = self._clock() + PAUSE_SECONDS
        logger.warning("%s left alone for %g s: %s", self._name, PAUSE_SECONDS, why)
