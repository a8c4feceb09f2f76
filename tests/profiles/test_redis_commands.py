"""Commands on connections of their own: same answers as the client's, and nobody left with a broken one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from profiles.redis.commands import RedisCommands, Script
from profiles.sansio import run_sync
from tests.support.machine import RedisServer

pytestmark = pytest.mark.redis


@pytest.fixture
def connect() -> Iterator[Callable[..., redis.Redis]]:
    with ExitStack() as made:
        yield lambda url, **options: made.enter_context(redis.Redis.from_url(url, **options))


def test_each_thread_has_its_connection_and_leaves_it_to_the_next(
    connect: Callable[..., redis.Redis], redis_url: str
) -> None:
    client = connect(redis_url)
    line, names, together = RedisCommands(client), [], threading.Barrier(3)

    def ask() -> None:
        names.append(
            line.execute(
                [
                    (
                        "CLIENT",
                        "ID",
                    )
                ]
            )[0]
        )
        together.wait(30)
        assert (
            line.execute(
                [
                    (
                        "CLIENT",
                        "ID",
                    )
                ]
            )[0]
            in names
        )

    for _ in range(2):
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(names) == 6 and len(set(names)) == 3


def test_a_script_is_learned_once(connect: Callable[..., redis.Redis], redis_url: str) -> None:
    client = connect(redis_url)
    client.script_flush()
    line, script = RedisCommands(client), Script("return {KEYS[1], ARGV[1]}")
    for _ in range(2):
        assert run_sync(line.running_script(script, ["k"], ["a"])) == [b"k", b"a"]
    assert client.script_exists(script.digest) == [True]


def test_an_error_of_redis_leaves_a_connection_that_works(
    connect: Callable[..., redis.Redis], redis_url: str
) -> None:
    line = RedisCommands(connect(redis_url))
    line.execute(
        [
            (
                "SET",
                "text",
                "x",
            )
        ]
    )[0]
    with pytest.raises(redis.ResponseError):
        line.execute(
            [
                (
                    "INCR",
                    "text",
                )
            ]
        )[0]
    with pytest.raises(redis.ResponseError):
        line.execute([("GET", "text"), ("INCR", "text"), ("LPUSH", "text", "y"), ("GET", "text")])
    assert line.execute([("GET", "text"), ("ECHO", "y")]) == [b"x", b"y"]


def test_a_connection_that_redis_closed_is_made_anew(
    connect: Callable[..., redis.Redis], redis_url: str
) -> None:
    client = connect(redis_url)
    line = RedisCommands(client)
    client.client_kill_filter(
        _id=line.execute(
            [
                (
                    "CLIENT",
                    "ID",
                )
            ]
        )[0]
    )
    assert line.execute([("PING",)])[0] == b"PONG"


def test_redis_that_comes_back_is_reached_again(
    connect: Callable[..., redis.Redis], own_redis: RedisServer
) -> None:
    line = RedisCommands(connect(own_redis.url))
    assert line.execute([("PING",)])[0] == b"PONG"
    own_redis.kill()
    with pytest.raises(redis.RedisError):
        line.execute([("PING",)])[0]
    own_redis.start()
    assert line.execute([("PING",)])[0] == b"PONG"


def test_an_answer_that_came_too_late_is_nobody_else_s(
    connect: Callable[..., redis.Redis], redis_url: str
) -> None:
    line = RedisCommands(connect(redis_url, socket_timeout=0.2))
    with pytest.raises(redis.TimeoutError):
        line.execute(
            [
                (
                    "BLPOP",
                    "nothing-there",
                    1,
                )
            ]
        )[0]
    assert (
        line.execute(
            [
                (
                    "ECHO",
                    "mine",
                )
            ]
        )[0]
        == b"mine"
    )
