"""The time that one answer may take: work beside the request, given up when its time is over."""

import logging
import time
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

PATIENCE = 3
"""So many calls that took too long, one after another, and the store is left alone for a while."""
PAUSE_SECONDS = 1.0


class Late(Exception):
    """The work was not done in time; what it would have brought is done without."""


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
    """Runs calls in threads of its own, so that one which hangs costs nobody more than the budget.

    When PATIENCE calls in a row took too long, nobody waits for PAUSE_SECONDS.
    """

    def __init__(self, name: str, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._clock = name, clock
        self._pool = futures.ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._late = 0
        self._paused_until = float("-inf")

    def call(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns within ``seconds``. Raises Late, and what ``work`` raises."""
        if seconds <= 0 or self._clock() < self._paused_until:
            raise Late(f"{self._name}: no time")
        future = self._pool.submit(work)
        try:
            result = future.result(seconds)
        except futures.TimeoutError as error:
            future.cancel()
            self._count()
            raise Late(f"{self._name}: took too long") from error
        self._late = 0
        return result

    def _count(self) -> None:
        self._late += 1
        if self._late >= PATIENCE:
            self._late = 0
            self._paused_until = self._clock() + PAUSE_SECONDS
            logger.warning("%s left alone for %g s: it took too long", self._name, PAUSE_SECONDS)
