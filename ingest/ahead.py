"""A member of the consumer group that reads the next portion of the log while the worker folds the one before."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import NamedTuple

from ingest.reading import Portion
from tracker.log import Consumer, LogUnavailable, Message


class Next(NamedTuple):
    """A portion, and the partitions that were ours when it was polled."""

    portion: Portion
    owned: frozenset[int]


class Ahead:
    """Polls, and has ``read`` decode what came; in the executor's one thread if there is one.

    A consumer must not be used by two threads at once: a commit waits for its turn there, before the next poll.
    """

    def __init__(
        self,
        consumer: Consumer,
        read: Callable[[list[Message]], Portion],
        limit: int,
        timeout: float,
        executor: Executor | None = None,
    ) -> None:
        self._consumer, self._read, self._limit, self._timeout = consumer, read, limit, timeout
        self._executor = executor
        self._next: Future[Next] | None = None
        self._done: dict[int, int] = {}
        self._noting = threading.Lock()

    def next(self) -> Next:
        """What has come since. Raises LogUnavailable."""
        if self._executor is None:
            return self._poll()
        future = self._next or self._executor.submit(self._poll)
        self._next = None
        found = future.result()
        self._next = self._executor.submit(self._poll)
        return found

    def commit(self, positions: Mapping[int, int]) -> None:
        """Everything up to and including ``positions`` is done: say so at the next turn, or at the end."""
        with self._noting:
            self._done |= positions
        if self._executor is None:
            self._commit()

    def close(self) -> None:
        """Commit what is done and leave the group. What was read ahead is the next owner's."""
        if self._next is not None and not self._next.cancel():
            self._next.exception()
        self._next = None
        with suppress(LogUnavailable):  # then the next owner reads again what is stored already
            self._commit()
        self._consumer.close()

    def _poll(self) -> Next:
        self._commit()
        messages = self._consumer.poll(self._limit, self._timeout)
        return Next(self._read(messages), self._consumer.owned())

    def _commit(self) -> None:
        with self._noting:
            done, self._done = self._done, {}
        if not done:
            return
        try:
            self._consumer.commit(done)
        except LogUnavailable:
            with self._noting:  # committed or not: once more does no harm
                self._done = done | self._done
            raise
