"""One member of a Kafka consumer group."""

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import CommitFailedError, RebalanceInProgressError

from tracker.kafka_cluster import Connection, KafkaCluster
from tracker.log import LogUnavailable, Message

LONGEST_SILENCE = 300.0  # a member that has not polled for so long is taken for hung


class KafkaGroupMember:
    """Joins at the first poll. Brokers refuse commits of a member that they have put out of the group."""

    def __init__(self, cluster: KafkaCluster, group: str, member: str) -> None:
        self._cluster, self._group, self._member = cluster, group, member
        self._connection = Connection(self._connect, self._leave)
        self._closed = False
        self._polled = time.monotonic()
        # By partition, as the next offset to read; forgotten when the partition goes to another member.
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
            self._connection.drop(consumer)
            self.forget(consumer.assignment())
            consumer = self._connection.get()
        self._polled = time.monotonic()
        finish_joining(consumer._coordinator)
        with self._cluster.errors("read"):
            batches = consumer.poll(timeout_ms=int(timeout * 1000), max_records=limit)
        with suppress(LogUnavailable):
            self._commit_waiting(consumer)
        return [
            Message(
                record.partition, record.offset, (record.key or b"").decode("utf-8", "replace"), record.value
            )
            for batch in batches.values()
            for record in batch
        ]

    def commit(self, positions: Mapping[int, int]) -> None:
        owned = self.owned()
        with self._changing:
            for partition, position in positions.items():
                if partition in owned and position >= self._done.get(partition, 0):
                    self._waiting[partition] = max(self._waiting.get(partition, 0), position + 1)
        if self._waiting:
            self._commit_waiting(self._connection.get())

    def owned(self) -> frozenset[int]:
        consumer = self._connection.client
        return frozenset(p.partition for p in consumer.assignment()) if consumer else frozenset()

    def close(self) -> None:
        self._closed = True
        self._connection.close()

    def _commit_waiting(self, consumer: Any) -> None:
        """Commit; what a rebalance in progress holds up is tried again after the next poll."""
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
        """Partitions that were given to or taken from this member: what was noted of them holds no more."""
        with self._changing:
            for partition in partitions:
                self._done.pop(partition.partition, None)
                self._waiting.pop(partition.partition, None)

    def _connect(self) -> Any:
        self._cluster.make_topic()
        consumer = self._cluster.connect(
            KafkaConsumer,
            group_id=self._cluster.group_id(self._group),
            client_id=self._member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            partition_assignment_strategy=[CooperativeStickyAssignor],
            session_timeout_ms=int(self._cluster.session * 1000),
            heartbeat_interval_ms=int(self._cluster.session * 1000 / 6),
            max_poll_interval_ms=int(LONGEST_SILENCE * 1000),
            request_timeout_ms=int(max(self._cluster.timeout, 10.0) * 1000),
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        consumer.subscribe([self._cluster.topic], listener=_Listener(self))
        return consumer

    def _leave(self, consumer: Any) -> None:
        consumer.close(autocommit=False, timeout_ms=int(self._cluster.timeout * 1000))


def finish_joining(coordinator: Any) -> None:
    """Let the next poll see the outcome of a join that went on after the last one.

    kafka-python 3.0 looks for it only if it was new members that made the join necessary, not new metadata, and then
    begins another join if the first has ended between two polls: a member may never read again, or members may
    rebalance for ever.
    """
    if coordinator.rebalance_in_progress():
        coordinator.request_rejoin()
        if coordinator._join_task is not None:
            coordinator._join_task = _Join(coordinator._join_task)


class _Join:
    """A join that is not to be begun again: whether under way or ended, it has yet to be looked at."""

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
