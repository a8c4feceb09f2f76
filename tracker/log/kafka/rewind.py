"""Sets a consumer group back after a restore, when the log is ahead of the restored data."""

from collections.abc import Callable, Mapping

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from tracker.log.kafka.cluster import KafkaCluster


def rewind(url: str, group: str, stored: Callable[[str], Mapping[int, int]]) -> None:
    """Make ``group`` read again everything after the positions that ``stored`` returns for the topic's identity, and
    every other partition from its oldest record.

    Brokers refuse it while the group has a member. Raises LogUnavailable.
    """
    cluster = KafkaCluster(url)
    try:
        identity = cluster.make_topic()
        positions = stored(identity)
        consumer = cluster.connect(
            KafkaConsumer,
            group_id=cluster.group_id(group, identity),
            enable_auto_commit=False,
            allow_auto_create_topics=False,
        )
        try:
            with cluster.errors(f"set the group {group} back (is a worker still running?)"):
                partitions = [
                    TopicPartition(cluster.topic, n) for n in consumer.partitions_for_topic(cluster.topic)
                ]
                consumer.assign(partitions)
                least = consumer.beginning_offsets(partitions)
                consumer.commit(
                    {
                        each: OffsetAndMetadata(
                            max(least[each], positions.get(each.partition, -1) + 1), "", -1
                        )
                        for each in partitions
                    },
                    timeout_ms=int(cluster.timeout * 1000),
                )
        finally:
            consumer.close(autocommit=False, timeout_ms=int(cluster.timeout * 1000))
    finally:
        cluster.close()
