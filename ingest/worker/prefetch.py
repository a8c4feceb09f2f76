"""A member of the consumer group that reads the next messages while the worker folds the ones before."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import NamedTuple

from ingest.worker.decoding import DecodedMessages
from tracker.log.port import Consumer, Extent, LogUnavailable, Message

GATHERED_BYTES = 8 * 1024 * 1024
"""At this size no more messages are read ahead. Decoded, they take several times as much."""


class Prefetched(NamedTuple):
    """Decoded messages, and the partitions that the consumer held when they were polled."""

    portion: DecodedMessages
    taken: Mapping[int, Extent]


class Progress(NamedTuple):
    """The position up to which a partition is handled."""

    extent: Extent
    position: int


class Prefetcher:
    """Polls, and decodes with ``read``; in the executor's one thread if there is an executor.

    That thread goes on polling until ``next`` is called, up to ``limit`` messages. So a worker that falls behind gets
    more messages at once, and a profile is loaded and saved once for all its events among them.

    Two threads must not use a consumer at once: a commit is made by that thread, before the next poll.
    """

    def __init__(
        self,
        consumer: Consumer,
        read: Callable[[list[Message]], DecodedMessages],
        limit: int,
        timeout: float,
        executor: Executor | None = None,
    ) -> None:
        self._consumer, self._read, self._limit, self._timeout = consumer, read, limit, timeout
        self._executor = executor
        self._next: Future[Prefetched] | None = None
        self._later: Prefetched | None = None
        self._done: dict[int, Progress] = {}
        self._noting = threading.Lock()
        self._asked = threading.Event()

    def next(self) -> Prefetched:
        """What has come since. Raises LogUnavailable."""
        if self._executor is None:
            return self._poll()
        self._asked.set()
        future = self._next or self._executor.submit(self._poll)
        self._next = None
        found = future.result()
        self._asked.clear()
        self._next = self._executor.submit(self._gather)
        return found

    def commit(self, done: Mapping[int, Progress]) -> None:
        """Commit these positions, and everything before them, before the next poll or at the end.

        Partitions that were taken over again by then are left out: positions of one log mean nothing in another.
        """
        with self._noting:
            self._done |= done
        if self._executor is None:
            self._commit()

    def close(self) -> None:
        """Commit and leave the group. The next owner reads again what was read ahead."""
        self._asked.set()
        if self._next is not None and not self._next.cancel():
            self._next.exception()
        self._next = None
        with suppress(LogUnavailable):  # then the next owner reads again what is stored already
            self._commit()
        self._consumer.close()

    def _poll(self) -> Prefetched:
        self._commit()
        if self._later is not None:
            later, self._later = self._later, None
            return later
        messages = self._consumer.poll(self._limit, self._timeout)
        return Prefetched(self._read(messages), self._consumer.taken())

    def _gather(self) -> Prefetched:
        """Poll until ``next`` is called, as long as there is more and the partitions stay the same."""
        portion, taken = self._poll()
        gathered, more = list(portion), bool(portion)
        size = sum([len(message.value) for message, _ in portion])
        while more and len(gathered) < self._limit and size < GATHERED_BYTES and not self._asked.is_set():
            try:
                messages = self._consumer.poll(self._limit - len(gathered), 0.0)
            except LogUnavailable:  # the next poll will say so; what came before is not given again
                break
            now = self._consumer.taken()
            if now.keys() != taken.keys() or any(now[at] is not taken[at] for at in now):
                # What came first counts where it was read: the log may be another one by now.
                self._later = Prefetched(self._read(messages), now)
                break
            gathered += self._read(messages)
            size += sum([len(message.value) for message in messages])
            more = bool(messages)
        return Prefetched(gathered, taken)

    def _commit(self) -> None:
        with self._noting:
            done, self._done = self._done, {}
        if not done:
            return
        taken = self._consumer.taken()
        try:
            self._consumer.commit(
                {at: one.position for at, one in done.items() if taken.get(at) is one.extent}
            )
        except LogUnavailable:
            with self._noting:  # committed or not: once more does no harm
                self._done = done | self._done
            raise
