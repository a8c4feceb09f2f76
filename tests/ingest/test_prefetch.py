"""Reading ahead: nothing is polled twice, nothing is lost, and the consumer never meets two threads at once."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from ingest.worker.decoding import IGNORED
from ingest.worker.prefetch import GATHERED_BYTES, Prefetcher, Progress
from tracker.log.port import Extent, LogUnavailable, Message

OWNER = {0: Extent("1", 0)}


class Numbered:
    """A consumer of the messages 1, 2, 3, …, two at a time."""

    def __init__(self) -> None:
        self.polled, self.committed, self.failures, self.closed = 0, list[Mapping[int, int]](), 0, False
        self.value = b""
        self.polls_until_failure, self.owners = -1, [OWNER]
        self._alone = threading.Lock()

    def poll(self, limit: int, timeout: float) -> list[Message]:
        with self._sole():
            if self.polls_until_failure == 0:
                self.failures = 1
            self.polls_until_failure -= 1
            self._fail()
            self.owners = self.owners[1:] or self.owners
            self.polled += 2
            return [Message(0, self.polled + at, "k", self.value) for at in (-1, 0)]

    def commit(self, positions: Mapping[int, int]) -> None:
        with self._sole():
            self._fail()
            self.committed.append(dict(positions))

    def owned(self) -> frozenset[int]:
        return frozenset(self.owners[0])

    def taken(self) -> Mapping[int, Extent]:
        return self.owners[0]

    def close(self) -> None:
        self.closed = True

    def _sole(self) -> threading.Lock:
        assert not self._alone.locked()
        return self._alone

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("away")


class AtOnce(Executor):
    """Whatever is submitted happens before anything is asked for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = Future[Any]()
        try:
            future.set_result(fn(*args, **kwargs))
        except LogUnavailable as error:
            future.set_exception(error)
        return future


def positions(prefetcher: Prefetcher) -> list[int]:
    return [message.position for message, _ in prefetcher.next().portion]


@pytest.fixture
def numbered() -> Numbered:
    return Numbered()


@pytest.fixture
def gathering(numbered: Numbered) -> Prefetcher:
    return Prefetcher(numbered, lambda messages: [(m, IGNORED) for m in messages], 5, 0.0, AtOnce())


@pytest.mark.parametrize("threads", [0, 1])
def test_portions_come_in_order_and_positions_are_committed(threads: int) -> None:
    consumer = Numbered()
    with ThreadPoolExecutor(1) as executor:
        prefetcher = Prefetcher(
            consumer, lambda messages: [(m, IGNORED) for m in messages], 2, 0.0, executor if threads else None
        )
        seen = []
        for _ in range(20):
            portion, taken = prefetcher.next()
            assert taken == OWNER
            seen += [message.position for message, _ in portion]
            prefetcher.commit({0: Progress(OWNER[0], seen[-1])})
        prefetcher.close()
    assert seen == list(range(1, 41))
    assert consumer.committed[-1] == {0: 40}
    assert consumer.closed


def test_what_could_not_be_committed_is_committed_later() -> None:
    consumer = Numbered()
    prefetcher = Prefetcher(consumer, lambda _: [], 2, 0.0)
    prefetcher.next()
    consumer.failures = 2
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            prefetcher.commit({0: Progress(OWNER[0], 2)})
    prefetcher.next()
    assert consumer.committed == [{0: 2}]


def test_a_log_that_is_away_does_not_hold_up_the_leave() -> None:
    consumer = Numbered()
    prefetcher = Prefetcher(consumer, lambda _: [], 2, 0.0)
    consumer.failures = 9
    with pytest.raises(LogUnavailable):
        prefetcher.commit({0: Progress(OWNER[0], 2)})
    prefetcher.close()
    assert consumer.closed


def test_a_worker_that_is_behind_gets_more_at_once(gathering: Prefetcher) -> None:
    assert positions(gathering) == [1, 2]
    assert positions(gathering) == [3, 4, 5, 6, 7, 8]
    assert positions(gathering) == [9, 10, 11, 12, 13, 14]


def test_a_log_that_goes_away_takes_nothing_of_what_was_gathered_with_it(
    gathering: Prefetcher, numbered: Numbered
) -> None:
    numbered.polls_until_failure = 2
    assert positions(gathering) == [1, 2]
    assert positions(gathering) == [3, 4]
    assert positions(gathering) == [5, 6, 7, 8, 9, 10]


def test_a_portion_ends_where_partitions_come_or_go(gathering: Prefetcher, numbered: Numbered) -> None:
    """The worker has to hear of each change: what it keeps of a lost partition is another owner's."""
    both = {**OWNER, 1: Extent("1", 0)}
    numbered.owners = [both] * 3 + [OWNER]
    assert gathering.next().taken == both
    assert positions(gathering) == [3, 4]
    changed = gathering.next()
    assert (changed.portion[0][0].position, changed.taken) == (5, OWNER)


def test_what_was_read_of_a_log_made_anew_is_a_portion_of_its_own(
    gathering: Prefetcher, numbered: Numbered
) -> None:
    """Positions of both in one portion would be taken for positions of the new one."""
    anew = {0: Extent("2", 0)}
    numbered.owners = [OWNER] * 3 + [anew]
    found = [gathering.next() for _ in range(3)]
    assert [(len(one.portion), one.taken) for one in found] == [(2, OWNER), (2, OWNER), (6, anew)]


def test_large_messages_are_not_gathered(gathering: Prefetcher, numbered: Numbered) -> None:
    numbered.value = bytes(GATHERED_BYTES // 3)
    assert positions(gathering) == [1, 2]
    assert positions(gathering) == [3, 4, 5, 6]


def test_positions_of_a_log_that_was_made_anew_since_are_not_committed_in_it(numbered: Numbered) -> None:
    prefetcher = Prefetcher(numbered, lambda _: [], 2, 0.0)
    prefetcher.next()
    numbered.owners = [{0: Extent("2", 0), 1: OWNER[0]}]
    prefetcher.commit({0: Progress(OWNER[0], 2), 1: Progress(OWNER[0], 3)})
    assert numbered.committed == [{1: 3}]
