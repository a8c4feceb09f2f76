"""The event log port: append durably, consume as a group, commit a position.

Three backends pass one contract suite (tests/tracker/test_event_log.py): memory, Redis Streams, Kafka.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tracker.unavailable import Unavailable


class LogUnavailable(Unavailable):
    """The log cannot take or give events now."""


class RecordTooLarge(ValueError):
    """The log will never take one of these records: to try again is useless."""


class Record(msgspec.Struct, frozen=True, order=True, gc=False):
    """What is appended. Records of one key keep their order."""

    key: str
    value: bytes


class Message(NamedTuple):
    """What is consumed. ``position`` grows within a partition and fits a signed 64-bit integer."""

    partition: int
    position: int
    key: str
    value: bytes


class Backlog(NamedTuple):
    """Of one partition: where it ends, and up to where a group is done with it. Both only grow until the log is made
    anew; in between lie as many records as they differ."""

    end: int
    done: int


class Extent(NamedTuple):
    """Of one partition, as a member found it when it took it over.

    ``identity`` names what positions count in. Where a topic or stream was deleted and made anew it is another one, and
    positions of the old one mean nothing. ``last`` is the last position given out, -1 for none: a greater one cannot
    be. ``lost`` counts records that are gone although the group has never committed them.
    """

    identity: str
    last: int
    lost: int = 0


class Consumer(Protocol):
    """One member of a consumer group. Each partition has at most one owner at a time.

    A partition that was made anew, went back, or lost records is taken over anew, from the first record of a new
    identity.
    """

    def poll(self, limit: int, timeout: float) -> list[Message]:
        """Up to ``limit`` messages, waiting at most ``timeout`` seconds. Raises LogUnavailable."""

    def commit(self, positions: Mapping[int, int]) -> None:
        """Everything up to and including ``positions[partition]`` is done, as it was polled since the partition was
        taken over. Ignores partitions not owned."""

    def owned(self) -> frozenset[int]:
        """The partitions this member owns after the last poll."""

    def taken(self) -> Mapping[int, Extent]:
        """The same, each as it was taken over: the same object until it is taken over anew."""

    def close(self) -> None:
        """Leave the group; uncommitted messages go to the next owner."""


class EventLog(Protocol):
    """An append-only, partitioned log."""

    def append(self, records: Sequence[Record]) -> None:
        """Return when every record is durable. Raises LogUnavailable, RecordTooLarge. Safe from many threads."""

    def consumer(self, group: str, member: str) -> Consumer:
        """Join ``group``; a new group starts at the oldest record."""

    def backlog(self, group: str) -> dict[int, Backlog]:
        """Of every partition, as of one moment. What was trimmed counts as done. Raises LogUnavailable."""

    def lag(self, group: str) -> int:
        """Records that ``group`` has not committed yet. Raises LogUnavailable."""

    def reread(self) -> Iterator[Message]:
        """Everything that is still held, each partition from its oldest record, whoever is done with it. Joins no
        group. Raises LogUnavailable."""

    def ping(self) -> None:
        """Raise LogUnavailable when records cannot be made durable now."""

    def durability(self) -> str | None:
        """What a crash of the log could lose, in one sentence; None: nothing. Raises LogUnavailable."""

    def close(self) -> None: ...
