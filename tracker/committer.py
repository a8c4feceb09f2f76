"""Group commit: many requests, one append. Each request returns when its records are durable."""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from tracker.log import LogUnavailable, Record

RECORDS_PER_APPEND = 5_000
RECORDS_WAITING = 100_000
"""Beyond this the process refuses: a log that does not keep up must not fill our memory."""

_logger = logging.getLogger(__name__)


class _Waiting:
    """One request's records and the lock it sleeps on: a bare lock is the cheapest way to wake one thread."""

    __slots__ = ("error", "lock", "records")

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.error: LogUnavailable | None = None
        self.lock = threading.Lock()
        self.lock.acquire()


class Committer:
    """One thread appends whatever has gathered while the append before was under way."""

    def __init__(self, append: Callable[[Sequence[Record]], None]) -> None:
        self._append = append
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def submit(self, records: Sequence[Record]) -> None:
        """Return when ``records`` are durable. Raises LogUnavailable."""
        waiting = _Waiting(records)
        with self._gate:  # nothing is queued behind the end
            if self._closed:
                raise LogUnavailable("the tracker is shutting down", retry_after=2.0)
            if self._waiting + len(records) > RECORDS_WAITING:
                raise LogUnavailable("too many events are waiting for the log", retry_after=2.0)
            self._waiting += len(records)
            self._queue.put(waiting)
        waiting.lock.acquire()
        if waiting.error is not None:
            raise LogUnavailable(str(waiting.error), waiting.error.retry_after) from waiting.error

    def close(self) -> None:
        """Append what is waiting, then stop."""
        with self._gate:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

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
        records = [record for waiting in batch for record in waiting.records]
        error: LogUnavailable | None = None
        try:
            self._append(records)
        except LogUnavailable as failure:
            error = failure
        except Exception as failure:
            # Whatever it is, the events are not durable: the clients must hear so and this thread must live.
            _logger.exception("append failed")
            error = LogUnavailable(f"append failed: {failure}")
        with self._gate:
            self._waiting -= len(records)
        for waiting in batch:
            waiting.error = error
            waiting.lock.release()
