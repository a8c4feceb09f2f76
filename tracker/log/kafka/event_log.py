"""The event log on Kafka: one topic, partitioned by key as Kafka's own clients do."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError
from kafka.partitioner import Partitioner
from kafka.partitioner.default import murmur2

from tracker.log.kafka.cluster import Connection, KafkaCluster, identity_of, partitions_of
from tracker.log.kafka.consumer import KafkaGroupMember
from tracker.log.port import Backlog, LogUnavailable, Message, Record, RecordTooLarge

logger = logging.getLogger(__name__)

LARGEST_RECORD = 900_000  # by default brokers take messages up to a mebibyte


class KafkaLog:
    """Durable when all in-sync replicas have a record (acks=all). See KafkaCluster for the URL."""

    def __init__(self, url: str) -> None:
        self._cluster = KafkaCluster(url)
        self._producer = Connection(self._connect_producer, self._close_producer)
        self._checked = threading.Event()

    def append(self, records: Sequence[Record]) -> None:
        """RecordTooLarge for a record above ``LARGEST_RECORD``, or above what the brokers are set to take."""
        for record in records:
            if len(record.value) > LARGEST_RECORD:
                raise RecordTooLarge(f"a record of {len(record.value)} bytes; Kafka takes {LARGEST_RECORD}")
        producer, topic = self._producer.get(), self._cluster.topic
        try:
            with self._cluster.errors("append"):
                sent = producer.send_all(topic, records)
                deadline = time.monotonic() + self._cluster.timeout + 1.0  # brokers' answers come before it
                for future in sent:
                    if not future.is_done:
                        future.get(max(0.0, deadline - time.monotonic()))
                    if future.exception:
                        raise future.exception
        except LogUnavailable as error:
            self._producer.drop(producer)
            if isinstance(error.__cause__, MessageSizeTooLargeError | RecordListTooLargeError):
                raise RecordTooLarge(str(error)) from error
            raise

    def consumer(self, group: str, member: str) -> KafkaGroupMember:
        return KafkaGroupMember(self._cluster, group, member)

    def lag(self, group: str) -> int:
        return sum(end - done for end, done in self.backlog(group).values())

    def backlog(self, group: str) -> dict[int, Backlog]:
        return self._cluster.coordinated(lambda: self._backlog(group))

    def _backlog(self, group: str) -> dict[int, Backlog]:
        with self._cluster.administer("count") as admin:
            topic = self._cluster.describe_topic(admin)
            if topic is None:
                return {}
            partitions = partitions_of(topic)
            group_id = self._cluster.group_id(group, identity_of(topic))
            committed = admin.list_group_offsets({group_id: partitions}).get(group_id, {})
            ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
            starts = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        found = {}
        for partition in partitions:
            known, end = committed.get(partition), ends[partition].offset
            # What retention has deleted is not waiting any more.
            done = max(starts[partition].offset, known.offset if known else -1)
            found[partition.partition] = Backlog(end, min(done, end))
        return found

    def reread(self) -> Iterator[Message]:
        ends = {number: known.end for number, known in self.backlog("").items()}
        consumer = self._cluster.connect(
            KafkaConsumer, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            for number, end in ends.items():
                partition = TopicPartition(self._cluster.topic, number)
                with self._cluster.errors("read"):
                    consumer.assign([partition])
                    consumer.seek_to_beginning(partition)
                    position = consumer.position(partition)
                while position < end:
                    with self._cluster.errors("read"):
                        batches = consumer.poll(
                            timeout_ms=int(self._cluster.timeout * 1000), max_records=2_000
                        )
                        position = consumer.position(partition)
                    if not batches:
                        raise LogUnavailable(f"Kafka log cannot read partition {number}: nothing came")
                    for record in batches[partition]:
                        key = (record.key or b"").decode("utf-8", "replace")
                        yield Message(number, record.offset, key, record.value)
        finally:
            consumer.close(autocommit=False)

    def ping(self) -> None:
        """Every partition has a leader and as many replicas in sync as acks=all asks for."""
        with self._cluster.administer("answer") as admin:
            topic = self._cluster.describe_topic(admin)
        if topic is None:
            self._cluster.make_topic()
        elif any(partition["error_code"] or partition["leader_id"] < 0 for partition in topic["partitions"]):
            raise LogUnavailable(f"Kafka topic {self._cluster.topic} has partitions without a leader")

    def durability(self) -> str | None:
        with self._cluster.administer("describe the topic") as admin:
            topic = self._cluster.describe_topic(admin)
        name, copies = self._cluster.topic, self._cluster.replication
        if topic:
            copies = min(len(partition["replica_nodes"]) for partition in topic["partitions"])
        if copies == 1:
            return f"Kafka topic {name} has one replica: with its broker's disk events are lost (three are usual)"
        return None

    def close(self) -> None:
        self._producer.close()
        self._cluster.close()

    def _connect_producer(self) -> Any:
        self._cluster.make_topic()
        if not self._checked.is_set():
            self._checked.set()
            weakness = self.durability()
            if weakness:
                logger.warning(weakness)
        return self._cluster.connect(
            _Producer,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,  # while one batch is on its way to a partition the next one gathers
            batch_size=512 * 1024,
            delivery_timeout_ms=int(self._cluster.timeout * 1000) + 500,
            max_block_ms=int(self._cluster.timeout * 1000),
            allow_auto_create_topics=False,
            partitioner=KeyPartitioner(),
            metrics_enabled=False,
        )

    def _close_producer(self, producer: Any) -> None:
        try:
            producer.close(timeout=self._cluster.timeout)
        except KafkaTimeoutError:  # a batch that a broker's death left without an end
            producer._sender.force_close()
            producer.close(timeout=self._cluster.timeout)


class _Producer(KafkaProducer):  # type: ignore[misc]
    """Wakes its sender thread once for all records of an append. By default the first record of each partition wakes
    it: then it would take the interpreter and send those records alone."""

    def __init__(self, **configs: Any) -> None:
        super().__init__(**configs)
        self._placing = threading.Lock()

    def send_all(self, topic: str, records: Sequence[Record]) -> list[Any]:
        """The futures of ``records``. Raises kafka-python's errors."""
        self.partitions_for(topic)  # to wait for them is possible only while the thread can be woken
        with self._placing:
            self._sender.wakeup = _let_sleep
            try:
                return [
                    self.send(topic, key=record.key.encode("utf-8", "replace"), value=record.value)
                    for record in records
                ]
            finally:
                del self._sender.wakeup
                self._sender.wakeup()


def _let_sleep() -> None: ...


class KeyPartitioner(Partitioner):  # type: ignore[misc]
    """The default partitioner of Kafka's Java client. Hashes are cached: in Python they are half of all costs."""

    def partition(self, topic: str, _key: Any, key: bytes, _value: Any, _bytes: Any, cluster: Any) -> int:
        return hashed(key) % len(cluster.partitions_for_topic(topic))


@lru_cache(maxsize=65_536)
def hashed(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
