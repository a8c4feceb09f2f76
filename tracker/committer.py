"""Group commit: many requests, one append. Each request returns when its records are durable."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from tracker.log import LogUnavailable, Record

RECORDS_PER_APPEND = 5_000
RECORDS_WAITING = 100_000
"""Beyond this the process refuses: a log that does not keep up must not fill our memory."""

_logger = logging.getLogger(__name__)


class Late(Exception):
    """Not durable in time. The records may still become so."""


class _Waiting:
    """One request's records and the lock it sleeps on: a bare lock is the cheapest way to wake one thread."""

    __slots__ = ("abandoned", "error", "lock", "records")

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.error: LogUnavailable | None = None
        self.abandoned = False
        self.lock = threading.Lock()
        self.lock.acquire()


class Committer:
    """One thread appends whatever has gathered while the append before was under way."""

    def __init__(self, append: Callable[[Sequence[Record]], None], name: str = "committer") -> None:
        self._append = append
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._waiting = 0
        self._closed = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, records: Sequence[Record], timeout: float = -1) -> None:
        """Return when ``records`` are durable. Raises LogUnavailable, or Late after ``timeout`` seconds."""
        waiting = _Waiting(records)
        with self._gate:  # nothing is queued behind the end
            if self._closed:
                raise LogUnavailable("the tracker is shutting down", retry_after=2.0)
            if self._waiting + len(records) > RECORDS_WAITING:
                raise LogUnavailable("too many events are waiting for the log", retry_after=2.0)
            self._waiting += len(records)
            self._queue.put(waiting)
        if not waiting.lock.acquire(timeout=timeout):
            waiting.abandoned = True  # if it has not been taken yet, it need not be
            raise Late
        if waiting.error is not None:
            raise LogUnavailable(str(waiting.error), waiting.error.retry_after) from waiting.error

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

    def _gather(self) -> tuple[list[_Waiting], bool]:
        """Everything that waits now, blocking for the first; whether the end has been reached."""
        batch: list[_Waiting] = []
        count = 0
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            count += len(item.records)
            if count >= RECORDS_PER_APPEND:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Waiting]) -> None:
        records = [record for waiting in batch if not waiting.abandoned for record in waiting.records]
        error: LogUnavailable | None = None
        self._busy_since = time.monotonic()
        try:
            if records:
                self._append(records)
        except LogUnavailable as failure:
            error = failure
        except Exception as failure:
            # Whatever it is, the events are not durable: the clients must hear so and this thread must live.
            _logger.exception("append failed")
            error = LogUnavailable(f"append failed: {failure}")
        self._busy_since = None
        with self._gate:
            self._waiting -= sum(len(waiting.records) for waiting in batch)
        for waiting in batch:
            waiting.error = error
            waiting.lock.release()
