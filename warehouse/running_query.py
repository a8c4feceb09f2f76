"""A running query, which another thread may cancel and whose progress it may read."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Protocol


class Cursor(Protocol):
    def interrupt(self) -> None: ...

    def query_progress(self) -> float: ...


class RunningQuery:
    """Of every query that runs while ``watched_by`` it."""

    def __init__(self) -> None:
        self._lock, self.cancelled = Lock(), False
        self._cursor: Cursor | None = None

    def cancel(self) -> None:
        """Interrupt the query under way, and every later one when it begins."""
        with self._lock:
            self.cancelled = True
            if self._cursor is not None:
                self._cursor.interrupt()

    def progress(self) -> float | None:
        """0 to 1 of the query under way; None when it is not known."""
        with self._lock:
            percent = self._cursor.query_progress() if self._cursor is not None else -1.0
        return percent / 100 if percent >= 0 else None

    @contextmanager
    def over(self, cursor: Cursor) -> Iterator[None]:
        """While the cursor's queries run. Raises Cancelled when there is nothing to begin any more."""
        with self._lock:
            if self.cancelled:
                raise Cancelled
            self._cursor = cursor
        try:
            yield
        finally:
            with self._lock:
                self._cursor = None


class Cancelled(Exception):
    """Somebody does not want the answer any more."""


_watch: ContextVar[RunningQuery | None] = ContextVar("watch", default=None)


@contextmanager
def run_under(watch: RunningQuery) -> Iterator[None]:
    """The queries of this thread are ``watch``'s to stop. Raises Cancelled when it did."""
    token = _watch.set(watch)
    try:
        yield
    except Exception as error:
        if watch.cancelled:
            raise Cancelled from error
        raise
    finally:
        _watch.reset(token)


@contextmanager
def register(cursor: Cursor) -> Iterator[None]:
    """Say that ``cursor`` runs queries now, to whoever watches this thread."""
    watch = _watch.get()
    if watch is None:
        yield
        return
    with watch.over(cursor):
        yield
