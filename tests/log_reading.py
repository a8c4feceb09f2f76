"""How the tests of the event log write, read and wait."""

import time
from collections.abc import Callable

from tracker.log import Consumer, EventLog, Message, Record

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
