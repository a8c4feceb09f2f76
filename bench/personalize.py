"""Personalization under load: 100,000 items, 1,000,000 profiles of 5 to 100 events in Redis, a session slot and a
personal slot a request; then the same while models are swapped.

Needs ``wrk`` and ``redis-server``. `--small` has a tenth of the items and profiles. `--clients` measures our client of
Redis against redis.asyncio instead (``bench/redis_clients.py``). BENCH_WORKERS: server processes.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import redis

from bench import redis_clients
from bench.results import record
from bench.train import NOW, shop
from profiles.encoding import codec
from profiles.model import Counts, ItemTouch, Profile, Session, Touch
from recommender.data.interactions import read
from recommender.data.params import Params
from recommender.model.card import Card
from recommender.model.registry import ModelRegistry
from recommender.training.train import fit

ROOT = Path(__file__).parent.parent

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "2"))
CONNECTIONS = (4, 8)
RATE = 1000
BODIES = 20_000  # different profiles; each stands under many ids
SWAPS = 4
ITEM_SLOTS = """string.format(
    '{{"visitor":"v%d","page":{{"item":"p%d"}},"slots":[' ..
    '{{"id":"a","kind":"items","strategy":"session","limit":8}},' ..
    '{{"id":"b","kind":"items","strategy":"personal","limit":8}}]}}',
    math.random(0, {profiles} - 1), math.random(0, {items} - 1))"""
"""What one request asks, in Lua."""
SCRIPT = """
math.randomseed(os.time())
request = function()
  return wrk.format('{method}', '{path}', {{['Authorization'] = 'Bearer wk_bench'}}, {body})
end
done = function(summary, latency, requests)
  io.write(string.format('RESULT %d %d %d %f %f %f %f\\n', summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
"""
PACE = """
local ffi = require('ffi')
ffi.cdef('typedef struct {{ long s; long us; }} moment; int gettimeofday(moment *, void *);')
local moment, due = ffi.new('moment'), 0
delay = function()
  ffi.C.gettimeofday(moment, nil)
  local now = tonumber(moment.s) * 1000 + tonumber(moment.us) / 1000
  due = math.max(due + 1000 / {rate}, now - 50)
  return math.max(0, math.floor(due - now))
end
"""
"""Requests at a constant rate, as far as the connections are free: what is behind by 50 ms is not made up for."""


HEADER = ["what", "requests/s", "p50", "p95", "p99", "longest", "CPU a request, server + Redis", "failed"]


class Run(NamedTuple):
    """Requests a second, milliseconds, failures, CPU microseconds of server and of Redis a request."""

    rate: float
    p50: float
    p95: float
    p99: float
    longest: float
    failed: int
    cpu: float
    redis_cpu: float


def fill(url: str, profiles: int, items: list[str]) -> float:
    """Write the profiles; bytes of the average one."""
    chance = random.Random(3)
    client = redis.Redis.from_url(url)
    bodies = [b"\0" * 8 + codec.encode(profile(chance, items)) for _ in range(min(BODIES, profiles))]
    for start in range(0, profiles, 10_000):
        pipe = client.pipeline(transaction=False)
        for number in range(start, min(start + 10_000, profiles)):
            pipe.set(f"p:default:v:v{number}", bodies[number % len(bodies)])
        pipe.execute()
    client.close()
    return sum(map(len, bodies)) / len(bodies)


def profile(chance: random.Random, items: list[str]) -> Profile:
    """A visitor of 5 to 100 touches, most of neighbouring items, the last ten of them in the session that runs."""
    count = chance.randint(5, 100)
    now = int(time.time() * 1000)
    own = chance.randrange(len(items))
    touches = [
        ItemTouch(
            items[(own + chance.randrange(300)) % len(items)],
            chance.choice(("view", "view", "view", "add", "purchase")),
            now - 60_000 * (count - n) * (1 if n >= count - 10 else 60),
        )
        for n in range(count)
    ]
    sessions = [Session("s", now - 600_000, now - 1000, Touch(), events=10)]
    return Profile(id="v:x", visitors=["x"], items=touches, sessions=sessions, counts=Counts(views=count))


def load(
    port: int, path: str, body: str, connections: int, watched: tuple[int, int], rate: int | None = None
) -> Run:
    """wrk's figures of ``body`` (Lua) sent to ``path``, and the CPU time of the ``watched`` server and Redis."""
    server, store = watched
    processes = [psutil.Process(server), *psutil.Process(server).children(recursive=True)]
    script = SCRIPT.format(method="GET" if path == "/healthz" else "POST", path=path, body=body)
    script += PACE.format(rate=rate) if rate else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        before, stored = _cpu(processes), _cpu([psutil.Process(store)])
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{SECONDS}",
            "-s",
            file.name,
            f"http://127.0.0.1:{port}",
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent, stored = _cpu(processes) - before, _cpu([psutil.Process(store)]) - stored
    line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    requests, micros, failed, *times = map(float, line.split()[1:])
    cpu = [seconds * 1e6 / max(1.0, requests) for seconds in (spent, stored)]
    return Run(requests / micros * 1e6, *(value / 1000 for value in times), int(failed), *cpu)


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def serving(folder: Path, url: str) -> Iterator[tuple[int, int]]:
    """``dangol web`` on these profiles and models: its port and its process id."""
    from tests.support.machine import free_port

    port = free_port()
    env = {
        **os.environ,
        "DANGOL_DATA": str(folder),
        "DANGOL_PORT": str(port),
        "DANGOL_PROFILES": url,
        "DANGOL_LOG": f"{url}?stream=events",
        "DANGOL_WRITE_KEY": "wk_bench",
        "DANGOL_KEY_RATE": "0",
        "DANGOL_ADDRESS_RATE": "0",
        "DANGOL_WORKERS": str(WORKERS),
    }
    command = [sys.executable, "-m", "dangol", "web"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, start_new_session=True)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def publish(registry: ModelRegistry, items: int) -> None:
    """A model of the size asked for, without the judging that a training spends most of its time on."""
    params = Params(iterations=3)
    rows = read(shop(items, 2 * items, 8 * items))
    registry.add(fit(rows, params, Card(version=registry.new_version(), site="default", made=NOW)))
    registry.publish(registry.cards()[0].version)


def swap(registry: ModelRegistry, every: float, stop: threading.Event) -> None:
    """Publish the two versions in turn."""
    versions = [card.version for card in registry.cards()]
    turn = 0
    while not stop.wait(every):
        turn += 1
        registry.publish(versions[turn % len(versions)])


def row(name: str, run: Run) -> list[object]:
    times = [f"{value:.1f} ms" for value in (run.p50, run.p95, run.p99, run.longest)]
    return [name, f"{run.rate:,.0f}", *times, f"{run.cpu:.0f} + {run.redis_cpu:.0f} µs", run.failed]


def measure(folder: Path, url: str, store: int, items: int, profiles: int) -> tuple[list[list[object]], str]:
    registry = ModelRegistry(folder / "models", "default")
    for _ in range(2):
        publish(registry, items)
    size = sum(
        file.stat().st_size for file in (registry.folder / "versions" / registry.cards()[0].version).iterdir()
    )
    average = fill(url, profiles, [f"p{number}" for number in range(items)])
    rows = []
    with serving(folder, url) as (port, server):
        body = ITEM_SLOTS.format(items=items, profiles=profiles)
        run = lambda count, path="/v1/personalize", rate=None: load(  # noqa: E731
            port, path, body, count, (server, store), rate
        )
        run(8)  # warm
        rows.append(row("nothing but the server (floor: /healthz)", run(4, "/healthz")))
        rows += [row(f"two slots, {count} connections", run(count)) for count in CONNECTIONS]
        rows.append(row(f"two slots, {RATE:,} a second", run(16, rate=RATE)))
        stop = threading.Event()
        swapping = threading.Thread(target=swap, args=(registry, SECONDS / (SWAPS + 1), stop))
        swapping.start()
        rows.append(row(f"the same, {SWAPS} models swapped", run(CONNECTIONS[0])))
        stop.set()
        swapping.join()
        workers = psutil.Process(server).children(recursive=True)
        private = [worker.memory_full_info().uss / 2**20 for worker in workers]
    memory = ", ".join(f"{each:.0f}" for each in private if each > 30)
    return rows, (
        f"Model: {size / 2**20:.0f} MiB on disk, mapped and shared. Memory of each worker of its own: {memory} MiB. "
        f"Profiles: {average:.0f} bytes."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--clients", action="store_true")
    given = parser.parse_args()
    if given.clients:
        redis_clients.main()
        return
    if not shutil.which("wrk"):
        sys.exit("bench.personalize needs wrk: apt-get install wrk")
    from tests.support.machine import RedisServer

    size = 10 if given.small else 1
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        server = RedisServer(folder / "redis")
        server.start()
        assert server.process
        client = redis.Redis.from_url(server.url)
        client.config_set("appendonly", "no")  # a million profiles need not reach the disk
        try:
            rows, notes = measure(folder, server.url, server.process.pid, 100_000 // size, 1_000_000 // size)
        finally:
            server.kill(signal.SIGKILL)
    notes += (
        f" {WORKERS} server processes. Budget: 1,000/s at p99 < 10 ms, no error and none over 50 ms while a model is "
        f"swapped, on two idle cores that the load generator shares. Load before the run: {busy:.1f}."
    )
    record("Personalization", "python -m bench.personalize", HEADER, rows, notes)


if __name__ == "__main__":
    main()
