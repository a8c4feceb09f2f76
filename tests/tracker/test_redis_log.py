"""What the event log on Redis Streams promises beyond the contract."""

import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.support.log_reading import ends, records, take, values, wait_until
from tests.support.machine import RedisServer, redis_binary
from tracker.durations import HOUR_MS
from tracker.log.open import open_log
from tracker.log.port import EventLog, LogUnavailable, Record

pytestmark = pytest.mark.redis


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


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as opened:
        yield opened


@pytest.fixture
def redis_log(redis_url: str) -> Iterator[EventLog]:
    with closing(open_log(redis_url + "?lease=1&shards=2")) as opened:
        yield opened


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


def test_redis_keeps_nothing_of_members_that_left(redis_log: EventLog, client: redis.Redis) -> None:
    redis_log.append(records(10))
    for number in range(20):
        with closing(redis_log.consumer("g", f"m{number}")) as consumer:
            take(consumer, 10)
    names = [info["name"] for info in client.xinfo_consumers("events:0", "g")]
    assert names == [name for name in names if name.startswith(b"m19|")]
    assert not client.keys("events:*:lease:*")
    assert not client.exists("events:members:g")


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


def test_a_group_that_was_destroyed_is_made_anew(redis_log: EventLog, client: redis.Redis) -> None:
    with closing(redis_log.consumer("g", "m")) as consumer:
        redis_log.append(records(10))
        take(consumer, 10)
        for shard in (0, 1):
            client.xgroup_destroy(f"events:{shard}", "g")
        with pytest.raises(LogUnavailable):
            consumer.poll(10, 0.1)
        messages = take(consumer, 10)
        assert values(messages) == list(range(10))
        consumer.commit(ends(messages))
        assert redis_log.lag("g") == 0


def test_a_redis_that_does_not_tell_its_settings_is_trusted(redis_url: str, client: redis.Redis) -> None:
    client.acl_setuser("plain", enabled=True, nopass=True, categories=["+@all", "-@dangerous"], keys=["*"])
    try:
        with closing(open_log(redis_url.replace("redis://", "redis://plain:x@"))) as log:
            log.append(records(1))
            assert log.durability() is None
    finally:
        client.acl_deluser("plain")


def test_positions_grow_when_the_clock_of_redis_was_set_back(
    redis_log: EventLog, client: redis.Redis
) -> None:
    """Redis then counts on within the last millisecond; a position has room for 2**20 of them."""
    ahead = int(time.time() * 1000) + HOUR_MS
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


def test_says_when_redis_would_lose_events(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    with closing(open_log(own_redis.url)) as log:
        assert log.durability() is None
        with closing(redis.Redis.from_url(own_redis.url)) as client:
            client.config_set("maxmemory", "1gb")
            client.config_set("maxmemory-policy", "allkeys-lru")
            assert "allkeys-lru" in str(log.durability())
            client.config_set("appendfsync", "everysec")
            assert "everysec" in str(log.durability())
            client.config_set("appendonly", "no")
            assert "append-only" in str(log.durability())
        log.append(records(1))
        log.append(records(1))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_redis_that_is_full_is_unavailable(own_redis: RedisServer) -> None:
    with closing(open_log(own_redis.url)) as log, closing(redis.Redis.from_url(own_redis.url)) as client:
        log.append(records(1))
        client.config_set("maxmemory", "1")
        with pytest.raises(LogUnavailable):
            log.append(records(1))
        with pytest.raises(LogUnavailable):
            log.ping()


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


def test_a_stream_made_anew_by_another_member_is_not_taken_for_the_old_one(redis_url: str) -> None:
    """Its group is there again, so that nothing fails: only the identity tells."""
    with closing(open_log(redis_url + "?lease=1")) as log, closing(log.consumer("g", "m1")) as first:
        log.append(records(50))
        first.commit(ends(take(first, 50)))
        before = first.taken()
        with closing(redis.Redis.from_url(redis_url)) as client:
            client.delete(*(f"events:{shard}" for shard in range(4)))
        with closing(log.consumer("g", "m2")):  # joining makes streams and groups
            log.append(records(50, start=50))
            messages = first.poll(100, 5.0)
            assert messages
            for partition in {message.partition for message in messages}:
                assert first.taken()[partition].identity != before[partition].identity
