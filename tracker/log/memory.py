"""The event log in memory, for tests and trials: durable as long as the process lives."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

from tracker.log.port import Backlog, Extent, LogUnavailable, Message, Record


class _GroupState:
    """The members in the order in which they joined, and the positions that the group has committed."""

    def __init__(self, starts: list[int]) -> None:
        self.members: list[MemoryConsumer] = []
        self.done = starts  # the first position not committed, for each partition


class MemoryLog:
    """``memory://?partitions=4``. Positions count from 1 in each partition; trimmed behind all groups."""

    def __init__(self, url: str = "memory://") -> None:
        query = dict(parse_qsl(urlsplit(url).query))
        self.partitions: list[deque[Message]] = [deque() for _ in range(int(query.pop("partitions", "4")))]
        if query:
            raise ValueError(f"memory log: unknown parameter {', '.join(query)} (there is: partitions)")
        self.groups: dict[str, _GroupState] = {}
        self.changed = threading.Condition()
        self._next = [1] * len(self.partitions)
        self.identity = "1"
        self._closed = False

    def append(self, records: Sequence[Record]) -> None:
        with self.changed:
            self.require_open()
            for record in records:
                number = crc32(record.key.encode("utf-8", "replace")) % len(self.partitions)
                self.partitions[number].append(Message(number, self._next[number], record.key, record.value))
                self._next[number] += 1
            self.changed.notify_all()

    def consumer(self, group: str, member: str) -> "MemoryConsumer":
        with self.changed:
            if group not in self.groups:
                held = zip(self._next, self.partitions, strict=True)
                self.groups[group] = _GroupState([end - len(messages) for end, messages in held])
            return MemoryConsumer(self, group, member)

    def lag(self, group: str) -> int:
        return sum(end - done for end, done in self.backlog(group).values())

    def backlog(self, group: str) -> dict[int, Backlog]:
        with self.changed:
            self.require_open()
            known = self.groups.get(group)
            gone = [n - len(kept) for n, kept in zip(self._next, self.partitions, strict=True)]
            done = known.done if known else gone
            return {at: Backlog(n, done[at]) for at, n in enumerate(self._next)}

    def reread(self) -> Iterator[Message]:
        with self.changed:
            self.require_open()
            held = [message for messages in self.partitions for message in messages]
        yield from held

    def ping(self) -> None:
        self.require_open()

    def durability(self) -> str | None:
        return "The log is kept in memory: events that no worker has handled are lost when the process ends"

    def close(self) -> None:
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def require_open(self) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")

    def remake(self) -> None:
        """Delete everything and begin anew, as when a topic is deleted and made again. For tests."""
        with self.changed:
            self.identity = str(int(self.identity) + 1)
            self.partitions = [deque() for _ in self.partitions]
            self._next = [1] * len(self.partitions)
            for group in self.groups.values():
                group.done = [1] * len(self.partitions)

    def extent(self, partition: int) -> Extent:
        return Extent(self.identity, self._next[partition] - 1)

    def trim(self, partition: int) -> None:
        needed = min(group.done[partition] for group in self.groups.values())
        messages = self.partitions[partition]
        while messages and messages[0].position < needed:
            messages.popleft()


class MemoryConsumer:
    """A member owns every n-th partition, n being the number of members."""

    def __init__(self, log: MemoryLog, group: str, member: str) -> None:
        self._log, self._group, self.member = log, log.groups[group], member
        self._cursors: dict[int, int] = {}  # the next position to read, for each partition owned
        self._taken: dict[int, Extent] = {}
        self._group.members.append(self)

    def poll(self, limit: int, timeout: float) -> list[Message]:
        deadline = time.monotonic() + timeout
        with self._log.changed:
            while True:
                self._log.require_open()
                self._take_share()
                messages = self._read(limit)
                left = deadline - time.monotonic()
                if messages or left <= 0:
                    return messages
                self._log.changed.wait(left)

    def commit(self, positions: Mapping[int, int]) -> None:
        with self._log.changed:
            for partition in positions.keys() & self._cursors.keys() & self._share():
                done = min(positions[partition] + 1, self._cursors[partition])
                self._group.done[partition] = max(self._group.done[partition], done)
                self._log.trim(partition)

    def owned(self) -> frozenset[int]:
        return frozenset(self._taken)

    def taken(self) -> Mapping[int, Extent]:
        return dict(self._taken)

    def close(self) -> None:
        with self._log.changed:
            if self in self._group.members:
                self._group.members.remove(self)
            self._cursors, self._taken = {}, {}
            self._log.changed.notify_all()

    def _share(self) -> frozenset[int]:
        if self not in self._group.members:
            return frozenset()
        members, rank = len(self._group.members), self._group.members.index(self)
        return frozenset(range(rank, len(self._log.partitions), members))

    def _take_share(self) -> None:
        share, now = self._share(), self._log.identity
        kept = {n: taken for n, taken in self._taken.items() if n in share and taken.identity == now}
        self._cursors = {n: max(self._cursors[n] if n in kept else 0, self._group.done[n]) for n in share}
        self._taken = {n: kept.get(n) or self._log.extent(n) for n in share}

    def _read(self, limit: int) -> list[Message]:
        result: list[Message] = []
        for number in sorted(self._cursors):
            messages = self._log.partitions[number]
            skipped = self._cursors[number] - messages[0].position if messages else 0
            taken = list(islice(messages, skipped, skipped + limit - len(result)))
            if taken:
                self._cursors[number] = taken[-1].position + 1
                result += taken
        return result
