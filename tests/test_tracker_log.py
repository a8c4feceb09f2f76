"""The contract of the event log, on every backend; then what only one of them promises."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest
import redis
from conftest import ROOT, RedisServer, free_port, redis_binary

from tracker.log import Consumer, EventLog, LogUnavailable, Message, Record
from tracker.logs import open_log

PATIENCE = 30.0  # Kafka's groups take seconds to settle
topics = count()


BACKENDS = [
    "memory",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("kafka", marks=pytest.mark.kafka),
]


@pytest.fixture(params=BACKENDS)
def log_url(request: pytest.FixtureRequest) -> str:
    """An empty log of four partitions, each test's own."""
    if request.param == "redis":
        return request.getfixturevalue("redis_url") + "?lease=1"
    if request.param == "kafka":
        return request.getfixturevalue("kafka_url") + f"/events-{next(topics)}?session=2"
    return "memory://"


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
        from tracker.log import Record
        from tracker.logs import open_log
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

    steady = threading.Thread(target=work, args=(join("steady"), done))
    guest = threading.Thread(target=work, args=(join("guest"), stop))
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
    from tracker.logs import open_log
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


@pytest.mark.redis
def test_redis_killed_and_started_again(own_redis: RedisServer) -> None:
    with closing(open_log(own_redis.url + "?lease=1")) as log, closing(log.consumer("g", "m")) as consumer:
        log.append(records(50))
        messages = take(consumer, 50)
        consumer.commit(ends(messages[:10]))
        committed = 50 - log.lag("g")
        own_redis.kill(signal.SIGKILL)
        started = time.monotonic()
        for use in (
            lambda: log.append(records(1)),
            log.ping,
            lambda: consumer.poll(1, 0.1),
            lambda: consumer.commit(ends(messages)),
        ):
            with pytest.raises(LogUnavailable):
                use()
        assert time.monotonic() - started < 5
        own_redis.start()
        log.append(records(50, start=50))
        assert log.lag("g") == 100 - committed
        rest = take(consumer, 50)
        assert set(range(50, 100)) <= set(values(rest))
        consumer.commit(ends(messages))
        consumer.commit(ends(rest))
        assert log.lag("g") == 0


@pytest.mark.redis
def test_redis_that_hangs_is_unavailable_within_the_timeout(own_redis: RedisServer) -> None:
    with (
        closing(open_log(own_redis.url + "?timeout=0.5")) as log,
        closing(log.consumer("g", "m")) as consumer,
    ):
        log.append(records(1))
        assert own_redis.process
        own_redis.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(LogUnavailable):
            log.append(records(1))
        with pytest.raises(LogUnavailable):
            take(consumer, 5)
        assert time.monotonic() - started < 4
        own_redis.process.send_signal(signal.SIGCONT)
        assert len(take(consumer, 2, within=3)) >= 1


# What only Redis Streams promise


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as opened:
        yield opened


@pytest.fixture
def redis_log(redis_url: str) -> Iterator[EventLog]:
    with closing(open_log(redis_url + "?lease=1&shards=2")) as opened:
        yield opened


@pytest.mark.redis
def test_streams_are_trimmed_behind_all_groups(redis_log: EventLog, client: redis.Redis) -> None:
    def length() -> int:
        return client.xlen("events:0") + client.xlen("events:1")

    with closing(redis_log.consumer("fast", "m")) as fast, closing(redis_log.consumer("slow", "m")) as slow:
        for start in range(0, 1_000, 100):
            redis_log.append(records(100, start=start))
            fast.commit(ends(take(fast, 100)))
        assert (length(), redis_log.lag("fast"), redis_log.lag("slow")) == (1_000, 0, 1_000)
        messages = take(slow, 1_000)
        half = messages[:500]
        slow.commit(ends(half))
        assert length() == redis_log.lag("slow") < 1_000
        slow.commit(ends(messages))
        assert (length(), redis_log.lag("fast"), redis_log.lag("slow")) == (0, 0, 0)
        redis_log.append(records(3))
        assert (redis_log.lag("fast"), redis_log.lag("slow"), redis_log.lag("new")) == (3, 3, 3)
        with closing(redis_log.consumer("new", "m")) as new:
            assert redis_log.lag("new") == 3
            assert len(take(new, 3)) == 3


@pytest.mark.redis
def test_redis_keeps_nothing_of_members_that_left(redis_log: EventLog, client: redis.Redis) -> None:
    redis_log.append(records(10))
    for number in range(20):
        with closing(redis_log.consumer("g", f"m{number}")) as consumer:
            take(consumer, 10)
    names = [info["name"] for info in client.xinfo_consumers("events:0", "g")]
    assert names == [name for name in names if name.startswith(b"m19|")]
    assert not client.keys("events:*:lease:*")
    assert not client.exists("events:members:g")


@pytest.mark.redis
def test_a_process_restarted_under_its_name_does_not_wait_for_its_lease(redis_url: str) -> None:
    with closing(open_log(redis_url + "?lease=60")) as log:
        dead = log.consumer("g", "worker-1")
        log.append(records(10))
        take(dead, 10)
        with closing(log.consumer("g", "worker-1")) as alive:
            assert len(take(alive, 10, within=2)) == 10
            dead.commit({0: 2**62, 1: 2**62, 2: 2**62, 3: 2**62})
            assert log.lag("g") == 10
            assert dead.owned() == frozenset()


@pytest.mark.redis
def test_a_member_that_lost_its_lease_reads_nothing_more(redis_log: EventLog, client: redis.Redis) -> None:
    with closing(redis_log.consumer("g", "m")) as consumer:
        redis_log.append(records(10))
        messages = take(consumer, 10)
        for shard in (0, 1):
            client.set(f"events:{shard}:lease:g", "other|1|1", px=60_000)
        redis_log.append(records(10))
        assert consumer.poll(10, 0.2) == []
        assert consumer.owned() == frozenset()
        consumer.commit(ends(messages))
        assert redis_log.lag("g") == 20
        client.delete("events:0:lease:g", "events:1:lease:g")
        assert len(take(consumer, 20)) == 20


@pytest.mark.redis
def test_records_of_a_lost_reply_come_again(redis_log: EventLog, client: redis.Redis, monkeypatch) -> None:
    with closing(redis_log.consumer("g", "m")) as consumer:
        take(consumer, 1, within=0.1)
        redis_log.append([Record("k", str(n).encode()) for n in range(10)])
        streams = redis_log._redis
        run = streams.run

        def lose_the_reply(script, *arguments):
            reply = run(script, *arguments)
            if script == "read":
                raise redis.exceptions.ConnectionError("the reply is lost")
            return reply

        monkeypatch.setattr(streams, "run", lose_the_reply)
        with pytest.raises(LogUnavailable):
            consumer.poll(5, 1)
        monkeypatch.undo()
        assert [int(message.value) for message in take(consumer, 10)] == list(range(10))


@pytest.mark.redis
def test_a_flushed_redis_is_begun_anew(redis_log: EventLog, client: redis.Redis) -> None:
    with closing(redis_log.consumer("g", "m")) as consumer:
        redis_log.append(records(10))
        before = ends(take(consumer, 10))
        client.flushall()
        redis_log.append(records(10))
        messages = take(consumer, 10)
        assert len(messages) == 10
        assert all(message.position > before[message.partition] for message in messages)
        consumer.commit(ends(messages))
        assert redis_log.lag("g") == 0


@pytest.mark.redis
def test_positions_grow_when_the_clock_of_redis_was_set_back(
    redis_log: EventLog, client: redis.Redis
) -> None:
    """Redis then counts on within the last millisecond; a position has room for 2**20 of them."""
    ahead = int(time.time() * 1000) + 3_600_000
    with closing(redis_log.consumer("g", "m")) as consumer:
        for shard in (0, 1):
            client.xadd(f"events:{shard}", {"k": "k", "v": "0"}, id=f"{ahead}-{2**20 - 60_000}")
        for start in range(0, 30_000, 1_000):
            redis_log.append(records(1_000, start=start))
        positions = defaultdict(list)
        for message in take(consumer, 30_002):
            positions[message.partition].append(message.position)
        for numbers in positions.values():
            assert numbers == sorted(set(numbers))
            assert numbers[-1] >> 20 == ahead + 1


@pytest.mark.redis
def test_says_when_redis_would_lose_events(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    with closing(open_log(own_redis.url)) as log:
        assert log.durability() is None
        with closing(redis.Redis.from_url(own_redis.url)) as client:
            client.config_set("appendfsync", "everysec")
            assert "everysec" in str(log.durability())
            client.config_set("appendonly", "no")
            assert "append-only" in str(log.durability())
        log.append(records(1))
        log.append(records(1))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.redis
def test_a_redis_that_is_full_is_unavailable(own_redis: RedisServer) -> None:
    with closing(open_log(own_redis.url)) as log, closing(redis.Redis.from_url(own_redis.url)) as client:
        log.append(records(1))
        client.config_set("maxmemory", "1mb")
        with pytest.raises(LogUnavailable):
            log.append(records(1))
        with pytest.raises(LogUnavailable):
            log.ping()


@pytest.mark.redis
def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    command = [redis_binary() or pytest.skip("no redis-server"), "--port", "0", "--unixsocket", str(path)]
    command += ["--dir", str(tmp_path), "--appendonly", "yes", "--appendfsync", "always"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(path.exists)
        url = f"unix://{path}?db=0&stream=clicks&shards=1"
        with closing(open_log(url)) as log, closing(log.consumer("g", "m")) as consumer:
            log.append(records(5))
            assert {message.partition for message in take(consumer, 5)} == {0}
    finally:
        server.kill()
        server.wait()
