"""One member of a Kafka consumer group."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import CommitFailedError, LogTruncationError, RebalanceInProgressError

from tracker.log.kafka.cluster import Connection, KafkaCluster
from tracker.log.port import Extent, LogUnavailable, Message

IDENTITY_SECONDS = (
    1.0  # how often to look whether the topic is still the same: brokers are asked by its name only
)
MAX_POLL_SECONDS = 300.0  # a member that has not polled for so long is taken for hung


class KafkaGroupMember:
    """A member of the group from its first poll on. Brokers refuse commits of a member that they have removed."""

    def __init__(self, cluster: KafkaCluster, group: str, member: str) -> None:
        self._cluster, self._group, self._member = cluster, group, member
        self._connection = Connection(self._connect, self._leave)
        self._closed = False
        self._polled = time.monotonic()
        self._identity = ""
        # By partition; forgotten when the partition goes to another member. The last three as the next offset to read.
        self._taken: dict[int, Extent] = {}
        self._next: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._waiting: dict[int, int] = {}
        self._changing = threading.Lock()

    def poll(self, limit: int, timeout: float) -> list[Message]:
        if self._closed:
            raise LogUnavailable("this consumer is closed")
        consumer = self._connection.get()
        silent = time.monotonic() - self._polled > self._cluster.session
        if silent and consumer._coordinator.heartbeat.session_timeout_expired():
            # Not only the caller, the whole process stood still: what was read ahead is another member's by now.
            self._drop(consumer)
            consumer = self._connection.get()
        self._polled = time.monotonic()
        finish_joining(consumer._coordinator)
        try:
            with self._cluster.errors("read"):
                batches = consumer.poll(timeout_ms=int(timeout * 1000), max_records=limit)
                now = consumer._manager.cluster.topic_id(self._cluster.topic)
                if self._identity and now is not None and str(now) != self._identity:
                    self._drop(consumer)  # the topic was made anew: join its own group
                    return []
                messages = self._received(consumer, batches)
        except LogUnavailable as error:
            if isinstance(error.__cause__, LogTruncationError):
                self._drop(consumer)
            raise
        with suppress(LogUnavailable):
            self._commit_waiting(consumer)
        return messages

    def commit(self, positions: Mapping[int, int]) -> None:
        owned = self.owned()
        with self._changing:
            for partition, position in positions.items():
                # What was not read since the partition was taken over may be a former topic's.
                if partition in owned and self._done.get(partition, 0) <= position < self._next[partition]:
                    self._waiting[partition] = max(self._waiting.get(partition, 0), position + 1)
        if self._waiting:
            self._commit_waiting(self._connection.get())

    def owned(self) -> frozenset[int]:
        return frozenset(self._taken)

    def taken(self) -> Mapping[int, Extent]:
        return dict(self._taken)

    def close(self) -> None:
        self._closed = True
        self._connection.close()
        self._taken.clear()

    def _drop(self, consumer: Any) -> None:
        self._connection.drop(consumer)
        self.forget(consumer.assignment())

    def _received(self, consumer: Any, batches: Mapping[Any, Sequence[Any]]) -> list[Message]:
        messages: list[Message] = []
        for at in sorted(consumer.assignment(), key=lambda at: at.partition):
            state, batch = consumer._subscription.assignment[at], batches.get(at, ())
            # Only with the first answer is it known where the partition ends.
            if state.highwater is None or not (batch or state.position):
                continue
            start = batch[0].offset if batch else state.position.offset
            if start != self._next.get(at.partition) and not self._take(consumer, at, start, state.highwater):
                continue
            for record in batch:
                key = (record.key or b"").decode("utf-8", "replace")
                messages.append(Message(record.partition, record.offset, key, record.value))
            if batch:
                self._next[at.partition] = batch[-1].offset + 1
        return messages

    def _take(self, consumer: Any, at: Any, start: int, end: int) -> bool:
        """Take over a partition that can be read from ``start`` to ``end``; False where the partition went back.

        If it went back, the group has read beyond its end, and only new records are read.
        """
        expected = self._next[at.partition] if at.partition in self._next else consumer.committed(at)
        back = expected is not None and start < expected
        if back:
            start = end = consumer.end_offsets([at])[at]
            consumer.seek(at, start)
        lost = max(0, start - expected) if expected is not None and not back else 0
        self.forget([at])
        self._taken[at.partition] = Extent(self._identity, max(start, end) - 1, lost)
        self._next[at.partition] = start
        return not back

    def _commit_waiting(self, consumer: Any) -> None:
        """Commit. What a rebalance blocks is tried again after the next poll."""
        with self._changing:
            waiting = dict(self._waiting)
        if not waiting:
            return
        offsets = {
            TopicPartition(self._cluster.topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in waiting.items()
        }
        try:
            with self._cluster.errors("commit"):
                consumer.commit(offsets, timeout_ms=int(self._cluster.timeout * 1000))
        except LogUnavailable as error:
            if isinstance(error.__cause__, CommitFailedError | RebalanceInProgressError):
                return
            raise
        with self._changing:
            for partition, offset in waiting.items():
                if self._waiting.get(partition) == offset:
                    del self._waiting[partition]
                    self._done[partition] = offset

    def forget(self, partitions: Iterable[Any]) -> None:
        """Drop the state of partitions that were assigned to or revoked from this member."""
        with self._changing:
            for partition in partitions:
                self._taken.pop(partition.partition, None)
                self._next.pop(partition.partition, None)
                self._done.pop(partition.partition, None)
                self._waiting.pop(partition.partition, None)

    def _connect(self) -> Any:
        self._identity = self._cluster.make_topic()
        self._cluster.adopt(self._group, self._identity)
        consumer = self._cluster.connect(
            KafkaConsumer,
            group_id=self._cluster.group_id(self._group, self._identity),
            client_id=self._member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            metadata_max_age_ms=int(IDENTITY_SECONDS * 1000),
            partition_assignment_strategy=[CooperativeStickyAssignor],
            session_timeout_ms=int(self._cluster.session * 1000),
            heartbeat_interval_ms=int(self._cluster.session * 1000 / 6),
            max_poll_interval_ms=int(MAX_POLL_SECONDS * 1000),
            request_timeout_ms=int(max(self._cluster.timeout, 10.0) * 1000),
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        consumer.subscribe([self._cluster.topic], listener=_Listener(self))
        return consumer

    def _leave(self, consumer: Any) -> None:
        consumer.close(autocommit=False, timeout_ms=int(self._cluster.timeout * 1000))


def finish_joining(coordinator: Any) -> None:
    """Make the next poll see the outcome of a join that continued after the last poll.

    kafka-python 3.0 looks at it only if new members, not new metadata, caused the join, and starts another join if the
    first ended between two polls: a member might never read again, or members might rebalance for ever.
    """
    if coordinator.rebalance_in_progress():
        coordinator.request_rejoin()
        if coordinator._join_task is not None:
            coordinator._join_task = _Join(coordinator._join_task)


class _Join:
    """A join, running or ended, whose outcome was not seen yet: kafka-python must not start another."""

    is_done = False

    def __init__(self, future: Any) -> None:
        self.add_callback, self.add_errback = future.add_callback, future.add_errback


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, member: KafkaGroupMember) -> None:
        self._member = member

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        self._member.forget(assigned)

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        self._member.forget(revoked)

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        self._member.forget(lost)
