"""The time that one answer may take: work beside the request, given up when its time is over."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from tracker.unavailable import Unavailable

T = TypeVar("T")

logger = logging.getLogger(__name__)

PATIENCE = 3
"""So many calls that took too long, one after another, and the store is left alone for a while."""
PAUSE_SECONDS = 1.0


class DeadlineExceeded(Unavailable):
    """The work was not done in time; what it would have brought is done without."""


class Deadline:
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


class _Call:
    """A call under way. ``tell`` is called in its thread with the result, or else with what was raised."""

    __slots__ = ("dropped", "tell", "work")

    def __init__(self, work: Callable[[], Any], tell: Callable[[Any, BaseException | None], object]) -> None:
        self.work, self.tell, self.dropped = work, tell, False

    def run(self) -> None:
        try:
            result = self.work()
        except BaseException as error:  # whoever waits for it is told
            self.tell(None, error)
        else:
            self.tell(result, None)


class DeadlinePool:
    """Runs calls in threads of its own, so that one which hangs costs nobody more than the budget.

    When PATIENCE calls in a row took too long, nobody waits for PAUSE_SECONDS. Jobs are handed over by a bare queue:
    the futures of an executor cost a request several times as much.
    """

    def __init__(self, name: str, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._most, self._clock = name, threads, clock
        self._jobs: SimpleQueue[_Call] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads, self._busy = 0, 0
        self._late = 0
        self._paused_until = float("-inf")

    def call(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns within ``seconds``. Raises DeadlineExceeded, and what ``work`` raises."""
        told: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        job = self._begin(work, lambda *outcome: told.put(outcome), seconds)
        try:
            result, error = told.get(timeout=seconds)
        except Empty:
            raise self._too_late(job) from None
        self._late = 0
        if error is not None:
            raise error
        return cast(T, result)

    async def soon(self, work: Callable[[], T], seconds: float) -> T:
        """As ``call``, without holding up the event loop meanwhile."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[T] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if told.done():  # too late, or the client is gone
                return
            if error is not None:
                told.set_exception(error)
            else:
                told.set_result(result)

        def tell(result: Any, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(settle, result, error)

        job = self._begin(work, tell, seconds)
        timer = loop.call_later(seconds, told.cancel)
        try:
            result = await told
        except asyncio.CancelledError:
            job.dropped = True
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            raise self._too_late(job) from None
        finally:
            timer.cancel()
        self._late = 0
        return result

    def _begin(
        self, work: Callable[[], Any], tell: Callable[[Any, BaseException | None], object], seconds: float
    ) -> _Call:
        if seconds <= 0 or self._clock() < self._paused_until:
            raise DeadlineExceeded(f"{self._name}: no time")
        job = _Call(work, tell)
        with self._lock:
            self._busy += 1
            if self._busy > self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name=f"{self._name}_{self._threads}", daemon=True).start()
        self._jobs.put(job)
        return job

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if not job.dropped:
                job.run()
            del job  # and what it holds on to
            with self._lock:
                self._busy -= 1

    def _too_late(self, job: _Call) -> DeadlineExceeded:
        job.dropped = True
        self._late += 1
        if self._late >= PATIENCE:
            self._late = 0
            self._paused_until = self._clock() + PAUSE_SECONDS
            logger.warning("%s left alone for %g s: it took too long", self._name, PAUSE_SECONDS)
        return DeadlineExceeded(f"{self._name}: took too long")
