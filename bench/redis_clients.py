"""The Redis client of our own (``profiles/redis/pipelined.py``) against redis.asyncio with hiredis, in one process and
in the same run: commands by themselves, and whole personalize requests without the HTTP server.

CPU time is what counts: on a busy machine the time of the clock says nothing.
"""

import asyncio
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import redis.asyncio

from bench.results import record
from profiles.redis.commands import RedisCommands
from profiles.redis.pipelined import SILENT_SECONDS
from profiles.sansio import InThread
from tests.support.machine import RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "4000"))
TASKS = 16
HEADER = ["what", "client", "requests/s", "CPU a request", "redis.asyncio costs"]

Soon = Callable[[RedisCommands, Sequence[tuple[Any, ...]], InThread], Awaitable[list[Any]]]


class Cost(NamedTuple):
    """Microseconds of CPU a request, and requests a second of the clock."""

    cpu: float
    rate: float


def by_redis_asyncio(url: str) -> Soon:
    """What ``RedisCommands.execute_async`` would be on redis.asyncio, with the same limit for an answer."""
    client = redis.asyncio.Redis.from_url(url, protocol=2, socket_timeout=SILENT_SECONDS)

    async def soon(
        _line: RedisCommands, commands: Sequence[tuple[Any, ...]], _in_thread: InThread
    ) -> list[Any]:
        if len(commands) == 1:
            return [await client.execute_command(*commands[0])]
        pipe = client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return list(await pipe.execute())

    return soon


async def timed(request: Callable[[int], Awaitable[object]]) -> Cost:
    async def some(first: int) -> None:
        for number in range(first, REQUESTS, TASKS):
            await request(number)

    gc.collect()
    cpu, clock = time.process_time(), time.perf_counter()
    await asyncio.gather(*(some(first) for first in range(TASKS)))
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return Cost(cpu / REQUESTS * 1e6, REQUESTS / clock)


def personalize(stage: Stage) -> Callable[[int], Awaitable[object]]:
    """Two offers with caps, for one of a thousand visitors; by the fast path, as the server calls it."""
    environ = {
        "PATH_INFO": "/v1/personalize",
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": "Bearer wk_test",
    }
    slots = [{"id": slot, "kind": "offer"} for slot in ("hero", "cart")]
    bodies = [json.dumps({"visitor": f"v{n}", "slots": slots}).encode() for n in range(1000)]
    fast_path = stage.web.fast_path

    async def request(number: int) -> None:
        answer = await fast_path(environ, bodies[number % len(bodies)])
        assert answer is not None and answer.status == 200

    return request


def commands(line: RedisCommands) -> Callable[[int], Awaitable[object]]:
    async def request(number: int) -> None:
        await line.execute_async([("MGET", f"p:default:v:v{number % 1000}")], in_thread)

    return request


async def in_thread(work: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def compare(request: Callable[[int], Awaitable[object]], soon: Soon) -> tuple[Cost, Cost]:
    """Medians of both clients, asked in turn. Each half is warmed by a round that does not count."""
    own, costs = RedisCommands.execute_async, ([], [])  # type: ignore[var-annotated]
    try:
        for number in range(ROUNDS + 1):
            for which, each in enumerate((own, soon)):
                RedisCommands.execute_async = each  # type: ignore[method-assign,assignment]
                cost = await timed(request)
                if number:
                    costs[which].append(cost)
    finally:
        RedisCommands.execute_async = own  # type: ignore[method-assign]
    medians = [Cost(*(statistics.median(values) for values in zip(*each, strict=True))) for each in costs]
    return medians[0], medians[1]


def table(name: str, own: Cost, other: Cost) -> list[list[object]]:
    ratio = f"{other.cpu / own.cpu:.2f} ×"
    return [
        [name, "own", f"{own.rate:,.0f}", f"{own.cpu:.0f} µs", ""],
        [name, "redis.asyncio", f"{other.rate:,.0f}", f"{other.cpu:.0f} µs", ratio],
    ]


async def measure(stage: Stage, url: str) -> list[list[object]]:
    soon = by_redis_asyncio(url)
    line = RedisCommands(redis.Redis.from_url(url, protocol=2))
    return [
        *table("one MGET", *await compare(commands(line), soon)),
        *table("personalize: profile, caps of two offers", *await compare(personalize(stage), soon)),
    ]


def main() -> None:
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        server = RedisServer(folder / "redis")
        server.start()
        try:
            stage = stage_of(
                folder, server.url, Site(id="default", write_key="wk_test", secret_key="sk_test"), time.time
            )
            redis.Redis.from_url(server.url).config_set("appendonly", "no")
            for slot in ("hero", "cart"):
                stage.call("PUT", f"/v1/campaigns/{slot}", json=campaign(slot))
            rows = asyncio.run(measure(stage, server.url))
        finally:
            server.kill()
    notes = (
        f"{TASKS} requests at a time, {REQUESTS:,} a round, medians of {ROUNDS} rounds in turn; redis-py "
        f"{redis.__version__} with hiredis. Load before the run: {busy:.1f}. The own client stays while redis.asyncio "
        f"costs more than 1.5 times as much CPU."
    )
    record("Redis clients", "python -m bench.personalize --clients", HEADER, rows, notes)


def campaign(slot: str) -> dict[str, Any]:
    return {
        "name": slot,
        "status": "live",
        "slot": slot,
        "caps": [{"limit": 1_000_000, "per": "day"}],
        "creatives": [{"id": "a", "kind": "json", "content": {"title": "Hi"}}],
    }
