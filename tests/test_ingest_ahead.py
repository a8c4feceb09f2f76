"""Reading ahead: nothing is polled twice, nothing is lost, and the consumer never meets two threads at once."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.ahead import Ahead
from ingest.reading import IGNORED
from tracker.log import LogUnavailable, Message


class Numbered:
    """A consumer of the messages 1, 2, 3, …, two at a time."""

    def __init__(self) -> None:
        self.polled, self.committed, self.failures, self.closed = 0, list[Mapping[int, int]](), 0, False
        self._alone = threading.Lock()

    def poll(self, limit: int, timeout: float) -> list[Message]:
        with self._sole():
            self._fail()
            self.polled += 2
            return [Message(0, self.polled + at, "k", b"") for at in (-1, 0)]

    def commit(self, positions: Mapping[int, int]) -> None:
        with self._sole():
            self._fail()
            self.committed.append(dict(positions))

    def owned(self) -> frozenset[int]:
        return frozenset({0})

    def close(self) -> None:
        self.closed = True

    def _sole(self) -> threading.Lock:
        assert not self._alone.locked()
        return self._alone

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("away")


@pytest.mark.parametrize("threads", [0, 1])
def test_portions_come_in_order_and_positions_are_committed(threads: int) -> None:
    consumer = Numbered()
    with ThreadPoolExecutor(1) as executor:
        ahead = Ahead(
            consumer, lambda messages: [(m, IGNORED) for m in messages], 2, 0.0, executor if threads else None
        )
        seen = []
        for _ in range(20):
            portion, owned = ahead.next()
            assert owned == {0}
            seen += [message.position for message, _ in portion]
            ahead.commit({0: seen[-1]})
        ahead.close()
    assert seen == list(range(1, 41))
    assert consumer.committed[-1] == {0: 40}
    assert consumer.closed


def test_what_could_not_be_committed_is_committed_later() -> None:
    consumer = Numbered()
    ahead = Ahead(consumer, lambda _: [], 2, 0.0)
    ahead.next()
    consumer.failures = 2
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            ahead.commit({0: 2})
    ahead.next()
    assert consumer.committed == [{0: 2}]


def test_a_log_that_is_away_does_not_hold_up_the_leave() -> None:
    consumer = Numbered()
    ahead = Ahead(consumer, lambda _: [], 2, 0.0)
    consumer.failures = 9
    with pytest.raises(LogUnavailable):
        ahead.commit({0: 2})
    ahead.close()
    assert consumer.closed
