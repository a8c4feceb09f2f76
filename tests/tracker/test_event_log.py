"""The contract of the event log, on every backend."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.support.log_reading import (
    PATIENCE,
    append_patiently,
    append_singly,
    ends,
    records,
    remade,
    take,
    values,
    wait_until,
)
from tests.support.machine import ROOT, free_port
from tracker.log.open import open_log
from tracker.log.port import Consumer, EventLog, Extent, LogUnavailable, Message, Record


@pytest.fixture
def process_log_url(log_url: str) -> str:
    """A log that several processes can open."""
    if log_url.startswith("memory"):
        pytest.skip("a log in memory belongs to one process")
    return log_url


@pytest.fixture
def log(log_url: str) -> Iterator[EventLog]:
    with closing(open_log(log_url)) as opened:
        yield opened


@pytest.fixture
def join(log: EventLog) -> Iterator[Callable[..., Consumer]]:
    """Join a group; members still in it when the test ends are closed."""
    with ExitStack() as members:
        yield lambda member="m1", group="g": members.enter_context(closing(log.consumer(group, member)))


def settle(*consumers: Consumer, within: float = PATIENCE) -> list[frozenset[int]]:
    """Let all members poll until they share the four partitions evenly; what they own."""
    deadline = time.monotonic() + within

    def even() -> bool:
        sizes = [len(consumer.owned()) for consumer in consumers]
        return sum(sizes) == 4 and max(sizes) - min(sizes) <= 1

    def poll(consumer: Consumer) -> None:
        while not even() and time.monotonic() < deadline:
            consumer.poll(1, 0.1)

    threads = [threading.Thread(target=poll, args=(consumer,)) for consumer in consumers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert even(), f"not shared out: {[consumer.owned() for consumer in consumers]}"
    return [consumer.owned() for consumer in consumers]


# Appending and reading


def test_reads_back_what_was_appended(log: EventLog, join) -> None:
    log.append([Record("site:가나다", b'{"a":1}\n\x00\xff'), Record("", b"")])
    messages = take(join(), 2)
    assert {(message.key, message.value) for message in messages} == {
        ("site:가나다", b'{"a":1}\n\x00\xff'),
        ("", b""),
    }


def test_appending_nothing_is_fine(log: EventLog) -> None:
    log.append([])
    assert log.lag("g") == 0


def test_keeps_order_per_key_and_one_partition_per_key(log: EventLog, join) -> None:
    for start in range(0, 2_000, 100):
        log.append(records(100, start=start))
    partitions, order = defaultdict(set), defaultdict(list)
    messages = take(join(), 2_000)
    for message in messages:
        partitions[message.key].add(message.partition)
        order[message.key].append(int(message.value))
    assert len(messages) == 2_000
    assert all(len(numbers) == 1 for numbers in partitions.values())
    assert all(numbers == sorted(numbers) for numbers in order.values())
    assert len(set().union(*partitions.values())) == 4


def test_positions_grow_within_a_partition_and_fit_64_bits(log: EventLog, join) -> None:
    log.append(records(500))
    positions = defaultdict(list)
    for message in take(join(), 500):
        positions[message.partition].append(message.position)
    for numbers in positions.values():
        assert numbers == sorted(set(numbers))
        assert 0 <= numbers[0] < numbers[-1] < 2**63


def test_a_large_batch_keeps_its_order(log: EventLog, join) -> None:
    log.append([Record("one", str(n).encode()) for n in range(3_500)])
    assert [int(message.value) for message in take(join(), 3_500)] == list(range(3_500))


def test_appends_from_many_threads_lose_nothing(log: EventLog, join) -> None:
    def append(thread: int) -> None:
        for start in range(0, 200, 10):
            log.append(records(10, start=thread * 1_000 + start))

    threads = [threading.Thread(target=append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = take(join(), 1_600)
    assert values(messages) == sorted(t * 1_000 + n for t in range(8) for n in range(200))


def test_poll_takes_at_most_the_limit(log: EventLog, join) -> None:
    log.append(records(100))
    consumer = join()
    sizes: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while sum(sizes) < 100 and time.monotonic() < deadline:
        sizes.append(len(consumer.poll(7, 0.5)))
    assert max(sizes) <= 7
    assert sum(sizes) == 100


def test_poll_waits_no_longer_than_asked(log: EventLog, join) -> None:
    consumer = join()
    settle(consumer)
    started = time.monotonic()
    assert consumer.poll(10, 0.3) == []
    assert 0.2 < time.monotonic() - started < 0.8
    started = time.monotonic()
    assert consumer.poll(10, 0.0) == []
    assert time.monotonic() - started < 0.2


def test_poll_returns_as_soon_as_a_record_comes(log: EventLog, join) -> None:
    consumer = join()
    settle(consumer)
    late = threading.Timer(0.3, log.append, [[Record("k", b"1")]])
    late.start()
    started = time.monotonic()
    assert len(consumer.poll(10, 5.0)) == 1
    assert time.monotonic() - started < 1.0
    late.join()


def test_appending_is_durable_when_it_returns(process_log_url: str, tmp_path: Path) -> None:
    program = """
        import os, sys
        from tracker.log.port import Record
        from tracker.log.open import open_log
        log = open_log(sys.argv[1])
        log.append([Record("k", str(n).encode()) for n in range(100)])
        os.kill(os.getpid(), 9)
    """
    with run(program, process_log_url) as process:
        assert process.wait(60) == -signal.SIGKILL
    with closing(open_log(process_log_url)) as log, closing(log.consumer("g", "m")) as consumer:
        assert values(take(consumer, 100)) == list(range(100))


# Groups: committing, taking over, sharing


def test_a_new_group_starts_at_the_oldest_record(log: EventLog, join) -> None:
    log.append(records(10))
    assert len(take(join(group="a"), 10)) == 10
    assert len(take(join(group="b"), 10)) == 10


def test_lag_counts_what_is_not_committed(log: EventLog, join) -> None:
    append_singly(log, records(30))
    assert log.lag("g") == 30
    consumer = join()
    messages = take(consumer, 30)
    assert log.lag("g") == 30
    first = [message for message in messages if message.partition == messages[0].partition]
    consumer.commit(ends(first))
    assert log.lag("g") == 30 - len(first)
    consumer.commit(ends(messages))
    assert log.lag("g") == 0
    append_singly(log, records(5))
    assert log.lag("g") == 5
    assert log.lag("never seen") >= 5
    parts = log.backlog("g")
    assert sum(end - done for end, done in parts.values()) == 5
    append_singly(log, records(7))
    assert sum(log.backlog("g")[at].end - end for at, (end, _) in parts.items()) == 7


def test_what_was_not_committed_comes_again_after_close(log: EventLog, join) -> None:
    log.append([Record("k", str(n).encode()) for n in range(20)])
    first = join("m1")
    messages = take(first, 20)
    first.commit(ends(messages[:8]))
    first.close()
    log.append([Record("k", str(n).encode()) for n in range(20, 25)])
    again = take(join("m2"), 17)
    assert [int(message.value) for message in again] == list(range(8, 25))


def test_committing_twice_or_backwards_changes_nothing(log: EventLog, join) -> None:
    append_singly(log, [Record("k", str(n).encode()) for n in range(10)])
    consumer = join()
    messages = take(consumer, 10)
    consumer.commit(ends(messages))
    consumer.commit(ends(messages))
    consumer.commit(ends(messages[:3]))
    assert log.lag("g") == 0


def test_members_share_the_partitions_without_overlap(log: EventLog, join) -> None:
    first = join("m1")
    assert len(settle(first)[0]) == 4
    second = join("m2")
    one, two = settle(first, second)
    assert len(one) == len(two) == 2
    assert not one & two
    log.append(records(200))
    got: dict[Consumer, list[Message]] = {first: [], second: []}
    deadline = time.monotonic() + PATIENCE
    while sum(map(len, got.values())) < 200 and time.monotonic() < deadline:
        for consumer, messages in got.items():
            messages += consumer.poll(50, 0.1)
    assert values(got[first] + got[second]) == list(range(200))
    assert {message.partition for message in got[first]} == one


def test_a_member_that_leaves_hands_over_its_partitions(log: EventLog, join) -> None:
    first, second = join("m1"), join("m2")
    settle(first, second)
    log.append(records(100))
    seen = take(first, 1)
    first.close()
    assert first.owned() == frozenset()
    assert seen
    assert values(take(second, 100)) == list(range(100))
    assert len(second.owned()) == 4


def test_three_members_share_four_partitions(log: EventLog, join) -> None:
    owned = settle(join("m1"), join("m2"), join("m3"))
    assert sorted(map(len, owned)) == [1, 1, 2]


def test_committing_a_partition_of_another_member_is_ignored(log: EventLog, join) -> None:
    first = join("m1")
    settle(first)
    append_singly(log, records(100))
    messages = take(first, 100)
    second = join("m2")
    _, taken = settle(first, second)
    lost = {partition: position for partition, position in ends(messages).items() if partition in taken}
    assert lost
    first.commit(lost)
    assert log.lag("g") == 100
    first.commit({99: 1})


def test_records_of_all_keys_arrive_while_members_come_and_go(log: EventLog, join) -> None:
    """At least once: everything arrives although members join and leave in the middle, each committing as it goes."""
    stop, done = threading.Event(), threading.Event()
    seen: set[int] = set()

    def work(consumer: Consumer, until: threading.Event) -> None:
        while not until.is_set():
            messages = consumer.poll(20, 0.1)
            seen.update(int(message.value) for message in messages)
            consumer.commit(ends(messages))
        consumer.close()

    # Both are members before the guest may leave: Tansu waits for ever for a leader that left in mid-join.
    first, second = join("steady"), join("guest")
    settle(first, second)
    steady = threading.Thread(target=work, args=(first, done))
    guest = threading.Thread(target=work, args=(second, stop))
    steady.start()
    guest.start()
    for start in range(0, 1_000, 50):
        log.append(records(50, start=start))
        if start == 500:
            stop.set()
        time.sleep(0.05)
    deadline = time.monotonic() + PATIENCE
    while (len(seen) < 1_000 or log.lag("g")) and time.monotonic() < deadline:
        time.sleep(0.1)
    done.set()
    steady.join()
    guest.join()
    assert log.lag("g") == 0
    assert seen == set(range(1_000))


READER = """
    import sys
    from tracker.log.open import open_log
    consumer = open_log(sys.argv[1]).consumer("g", "victim")
    seen = 0
    while True:
        messages = consumer.poll(10, 1.0)
        seen += len(messages)
        if messages and seen <= 10:
            consumer.commit({messages[-1].partition: messages[-1].position})
        print(seen, flush=True)
"""


def run(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def victim(process_log_url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has read 40 records of one key and committed the first 10."""
    with closing(open_log(process_log_url)) as log:
        log.append([Record("k", str(n).encode()) for n in range(40)])
    process = run(READER, process_log_url)
    assert process.stdout
    for line in process.stdout:
        if int(line) >= 40:
            break
    yield process
    process.kill()
    process.stdout.close()
    process.wait()


def test_what_a_killed_process_did_not_commit_comes_again_in_order(victim, log: EventLog, join) -> None:
    victim.kill()
    victim.wait()
    log.append([Record("k", str(n).encode()) for n in range(40, 45)])
    assert [int(message.value) for message in take(join("heir"), 35)] == list(range(10, 45))


@pytest.mark.slow
def test_a_process_stopped_beyond_its_lease_is_replaced_and_does_no_harm(victim, log: EventLog, join) -> None:
    victim.send_signal(signal.SIGSTOP)
    heir = join("heir")
    messages = take(heir, 30)
    assert [int(message.value) for message in messages] == list(range(10, 40))
    heir.commit(ends(messages))
    heir_owns = heir.owned()
    assert messages[0].partition in heir_owns
    victim.send_signal(signal.SIGCONT)
    log.append([Record("k", str(n).encode()) for n in range(40, 60)])
    deadline = time.monotonic() + 3
    got: list[Message] = []
    while time.monotonic() < deadline:
        got += heir.poll(5, 0.1)
        heir.commit(ends(got))
    if messages[0].partition in heir.owned():
        assert [int(message.value) for message in got] == list(range(40, 60))


# When the server is not there


@pytest.mark.parametrize("scheme", ["redis", "kafka"])
def test_opening_a_log_that_is_down_does_not_fail(scheme: str) -> None:
    started = time.monotonic()
    with closing(open_log(f"{scheme}://127.0.0.1:{free_port()}/0?timeout=0.5")) as log:
        for use in (log.ping, log.durability, lambda: log.append(records(1)), lambda: log.lag("g")):
            with pytest.raises(LogUnavailable) as caught:
                use()
            assert caught.value.retry_after > 0
        with closing(log.consumer("g", "m")) as consumer, pytest.raises(LogUnavailable):
            consumer.poll(1, 0.1)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "redis://h/0?shards=0",
        "memory://?shards=3",
        "redis://h/0?lease=x",
        "redis://h/0?sharts=4",
        "",
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        open_log(url)


def test_whatever_is_held_can_be_read_again_without_a_group(log: EventLog, join) -> None:
    sent = [Record(f"k{number % 7}", str(number).encode()) for number in range(2_500)]
    log.append(sent)
    mine, other = join("m1", "g"), join("m2", "other")  # what one group has not seen stays
    taken = take(mine, 2_500)
    mine.commit(ends(taken))
    before = log.backlog("g")
    found = list(log.reread())
    assert sorted(found) == sorted(taken)
    for partition in {message.partition for message in found}:
        positions = [message.position for message in found if message.partition == partition]
        assert positions == sorted(positions)
    assert log.backlog("g") == before
    assert len(take(other, 2_500)) == 2_500


# A log that is deleted and made anew


@pytest.fixture
def remake(log_url: str, log: EventLog) -> Callable[[], None]:
    return remade(log_url, log)


def settled(consumer: Consumer) -> Mapping[int, Extent]:
    settle(consumer)
    return consumer.taken()


def test_members_know_what_they_took_over(log: EventLog, join) -> None:
    append_singly(log, records(40))
    consumer = join()
    messages = take(consumer, 40)
    taken = settled(consumer)
    assert taken.keys() == consumer.owned() == {0, 1, 2, 3}
    assert all(taken[partition].last >= position for partition, position in ends(messages).items())
    assert all(extent.lost == 0 and extent.identity for extent in taken.values())
    append_singly(log, records(10))
    take(consumer, 10)
    assert all(consumer.taken()[partition] is extent for partition, extent in taken.items())
    consumer.close()
    assert not consumer.taken()
    again = settled(join("m2"))
    assert {at: extent.identity for at, extent in again.items()} == {
        at: extent.identity for at, extent in taken.items()
    }


def stale(consumer: Consumer, before: Mapping[int, Extent]) -> bool:
    now = consumer.taken()
    return len(now) < 4 or any(now[at].identity == before[at].identity for at in now)


@pytest.mark.parametrize("after", [10, 200])
@pytest.mark.parametrize("running", [False, True])
def test_a_log_made_anew_is_another_one_and_read_from_its_start(
    log: EventLog, join, remake: Callable[[], None], running: bool, after: int
) -> None:
    log.append(records(100))
    consumer = join()
    messages = take(consumer, 100)
    before = settled(consumer)
    consumer.commit(ends(messages))
    if not running:
        consumer.close()
    remake()
    for start in range(1_000, 1_000 + after, 10):
        append_patiently(log, records(10, start=start))
    if not running:
        consumer = join("m2")
    got: list[Message] = []
    deadline = time.monotonic() + PATIENCE
    while (len(set(values(got))) < after or stale(consumer, before)) and time.monotonic() < deadline:
        with suppress(LogUnavailable):
            got += consumer.poll(500, 0.5)
    assert set(values(got)) == set(
        range(1_000, 1_000 + after)
    )  # some may come twice on Kafka, under both identities
    now = settled(consumer)
    assert all(now[at].identity != before[at].identity for at in now)
    consumer.close()
    with closing(log.consumer("g", "m3")) as heir:
        assert values(take(heir, after)) == list(range(1_000, 1_000 + after))
        heir.commit(ends(got))
    wait_until(lambda: log.lag("g") == 0)
