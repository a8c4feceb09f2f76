"""The interface of the event log: append durably, consume as a group, commit a position.

Three backends pass one contract suite (tests/tracker/test_event_log.py): memory, Redis Streams, Kafka.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tracker.unavailable import Unavailable


class LogUnavailable(Unavailable):
    """The log cannot be written or read now."""


class RecordTooLarge(ValueError):
    """The log will never take one of these records. Do not try again."""


class Record(msgspec.Struct, frozen=True, order=True, gc=False):
    """A record to append. Records of one key keep their order."""

    key: str
    value: bytes


class Message(NamedTuple):
    """A consumed record. ``position`` grows within a partition and fits a signed 64-bit integer."""

    partition: int
    position: int
    key: str
    value: bytes


class Backlog(NamedTuple):
    """One partition: its end, and the position up to which a group has committed it. ``end - done`` records wait. Both
    only grow, until the log is deleted and made anew."""

    end: int
    done: int


class Extent(NamedTuple):
    """One partition, as a member found it when it took it over.

    ``identity`` is the topic or stream that positions belong to. One that was deleted and made anew has another
    identity, and positions of the old one are void. ``last`` is the last position in use, -1 for none. ``lost`` counts
    records that were deleted before the group committed them.
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
        """Commit everything up to and including ``positions[partition]`` that was polled since the partition was taken
        over. Ignores partitions not owned."""

    def owned(self) -> frozenset[int]:
        """The partitions this member owns after the last poll."""

    def taken(self) -> Mapping[int, Extent]:
        """The owned partitions, each as it was taken over; the same Extent object until it is taken over anew."""

    def close(self) -> None:
        """Leave the group; uncommitted messages go to the next owner."""


class EventLog(Protocol):
    """An append-only, partitioned log."""

    def append(self, records: Sequence[Record]) -> None:
        """Return when every record is durable. Raises LogUnavailable, RecordTooLarge. Safe from many threads."""

    def consumer(self, group: str, member: str) -> Consumer:
        """Join ``group``; a new group starts at the oldest record."""

    def backlog(self, group: str) -> dict[int, Backlog]:
        """The backlog of every partition at one moment. Trimmed records count as done. Raises LogUnavailable."""

    def lag(self, group: str) -> int:
        """Records that ``group`` has not committed yet. Raises LogUnavailable."""

    def reread(self) -> Iterator[Message]:
        """All records that the log still has, each partition from its oldest one, committed or not. Joins no group.
        Raises LogUnavailable."""

    def ping(self) -> None:
        """Raise LogUnavailable when records cannot be made durable now."""

    def durability(self) -> str | None:
        """One sentence on what a crash of the log could lose; None when nothing. Raises LogUnavailable."""

    def close(self) -> None: ...
