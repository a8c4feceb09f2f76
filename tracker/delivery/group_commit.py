"""Group commit: one append for many requests. Each request continues when its records are durable."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue

from tracker.log.port import LogUnavailable, Record

RECORDS_PER_APPEND = 5_000
WAITING_LIMIT = 100_000
"""More than this is refused: a log that does not keep up must not fill the memory."""

_logger = logging.getLogger(__name__)


class CommitTimeout(Exception):
    """Not durable in time. The records may still become so."""


class _Group:
    """The records of all requests of one turn of the event loop, and the future that each request awaits."""

    __slots__ = ("durable", "late", "loop", "records", "timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.records: list[Record] = []
        self.durable: list[asyncio.Future[None]] = []
        self.late = False
        self.timer: asyncio.TimerHandle | None = None

    def give_up(self) -> None:
        """End the wait of its requests. A group that has not been appended yet is left out."""
        self.late = True
        self.resolve(CommitTimeout)

    def resolve(self, error: Callable[[], Exception] | None) -> None:
        if self.timer:
            self.timer.cancel()
        for durable in self.durable:
            if durable.done():
                continue
            if error is None:
                durable.set_result(None)
            else:
                durable.set_exception(error())


class Committer:
    """Appends in one thread: each append takes all records that arrived during the one before."""

    def __init__(self, append: Callable[[Sequence[Record]], None], name: str = "committer") -> None:
        self._append = append
        self._queue: SimpleQueue[_Group | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._gathering: dict[tuple[asyncio.AbstractEventLoop, float | None], _Group] = {}
        self._waiting = 0
        self._closed = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, records: Sequence[Record], timeout: float | None = None) -> asyncio.Future[None]:
        """Done when ``records`` are durable. Raises LogUnavailable; so does the future, or CommitTimeout
        after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        durable = loop.create_future()
        with self._gate:
            if self._closed:
                raise _closed()
            if self._waiting + len(records) > WAITING_LIMIT:
                raise LogUnavailable("too many events are waiting for the log", retry_after=2.0)
            self._waiting += len(records)
            group = self._gathering.get((loop, timeout))
            if group is None:
                group = self._gathering[loop, timeout] = _Group(loop)
                loop.call_soon(self._hand_over, group, timeout)
            group.records += records
            group.durable.append(durable)
        return durable

    def _hand_over(self, group: _Group, timeout: float | None) -> None:
        """At the end of the loop's turn: one wake-up and one timer for the whole group."""
        with self._gate:  # nothing is queued behind the end
            del self._gathering[group.loop, timeout]
            if not self._closed:
                self._queue.put(group)
                if timeout is not None:
                    group.timer = group.loop.call_later(timeout, group.give_up)
                return
        group.resolve(_closed)

    def busy(self) -> float:
        """Seconds that the append under way has taken so far; 0 without one."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self, timeout: float | None = None) -> None:
        """Append what is waiting, then stop; or give up on an append that hangs for ``timeout`` seconds."""
        with self._gate:
            self._closed = True
            self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._gather()
            if batch:
                self._commit(batch)

    def _gather(self) -> tuple[list[_Group], bool]:
        """All groups that wait now, blocking for the first; and whether the committer was closed."""
        batch: list[_Group] = []
        count = 0
        group = self._queue.get()
        while group is not None:
            batch.append(group)
            count += len(group.records)
            if count >= RECORDS_PER_APPEND:
                return batch, False
            try:
                group = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Group]) -> None:
        records = [record for group in batch if not group.late for record in group.records]
        error: Callable[[], LogUnavailable] | None = None
        self._busy_since = time.monotonic()
        try:
            if records:
                self._append(records)
        except LogUnavailable as failure:
            error = partial(LogUnavailable, str(failure), failure.retry_after)
        except Exception as failure:
            # Whatever it is, the events are not durable: the clients must hear so and this thread must live.
            _logger.exception("append failed")
            error = partial(LogUnavailable, f"append failed: {failure}")
        self._busy_since = None
        with self._gate:
            self._waiting -= sum(len(group.records) for group in batch)
        for loop, groups in groupby(batch, lambda group: group.loop):
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_resolve, list(groups), error)  # wakes the loop once a commit


def _resolve(batch: Iterable[_Group], error: Callable[[], Exception] | None) -> None:
    for group in batch:
        group.resolve(error)


def _closed() -> LogUnavailable:
    return LogUnavailable("the tracker is shutting down", retry_after=2.0)
