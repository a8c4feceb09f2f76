"""How the tests of the event log write, read and wait."""

import time
from collections.abc import Callable
from contextlib import closing

import redis
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from tracker.log.memory import MemoryLog
from tracker.log.port import Consumer, EventLog, LogUnavailable, Message, Record

PATIENCE = 30.0  # Kafka's groups take seconds to settle


def records(number: int, keys: int = 20, start: int = 0) -> list[Record]:
    return [Record(f"site:v{n % keys}", str(n).encode()) for n in range(start, start + number)]


def append_singly(log: EventLog, batch: list[Record]) -> None:
    """For tests that count: Tansu takes the last batch for one record when it is asked where a partition ends."""
    for record in batch:
        log.append([record])


def take(consumer: Consumer, number: int, within: float = PATIENCE) -> list[Message]:
    """Poll until that many messages have come."""
    messages: list[Message] = []
    deadline = time.monotonic() + within
    while len(messages) < number and time.monotonic() < deadline:
        messages += consumer.poll(500, 0.5)
    return messages


def wait_until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def ends(messages: list[Message]) -> dict[int, int]:
    return {message.partition: message.position for message in messages}


def values(messages: list[Message]) -> list[int]:
    return sorted(int(message.value) for message in messages)


def append_patiently(log: EventLog, batch: list[Record]) -> None:
    """As the tracker's spool does: until the log takes it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            log.append(batch)
            return
        except LogUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def remade(url: str, log: EventLog) -> Callable[[], None]:
    """What deletes the log of four partitions at ``url`` and makes it anew, as an administrator does."""

    def topic() -> None:
        address, _, path = url.removeprefix("kafka://").partition("/")
        name = path.partition("?")[0]
        with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
            admin.delete_topics([name])
            wait_until(lambda: admin.describe_topics([name])[0]["error_code"] != 0)
            admin.create_topics([NewTopic(name, 4, 1)])
            admin.wait_for_topics([name], timeout_ms=5_000)

    def streams() -> None:
        with closing(redis.Redis.from_url(url.partition("?")[0])) as client:
            client.delete(*(f"events:{shard}" for shard in range(4)))

    if isinstance(log, MemoryLog):
        return log.remake
    return topic if url.startswith("kafka") else streams
