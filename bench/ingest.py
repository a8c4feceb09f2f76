"""Ingest, everything included: log → enrich → profile in Redis → Delta, by one worker on one log.

The floor is the same log read and committed by a bare consumer of the same backend that throws the messages away.
Each stage's own processor time stands beside it. ``--only redis`` or ``kafka`` (Tansu, or ``--url`` of another broker)
times one log; ``--profile`` prints where the time goes; ``--rss`` samples the memory instead, over ``--events``.
"""

import argparse
import cProfile
import functools
import itertools
import os
import pstats
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bench.results import percentiles, record

EVENTS = 300_000
VISITORS = 30_000
ACTIVE = 2_000  # visitors on the site at one time
START = 1_795_000_000_000
RSS_PORTION = 50_000
RSS_STEP = 250_000

AGENTS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for system in (
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "Linux; Android 14; SM-S918N",
    )
    for version in range(110, 131)
] + [
    f"Mozilla/5.0 (iPhone; CPU iPhone OS {version}_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    f"Version/{version}.1 Mobile/15E148 Safari/604.1"
    for version in range(14, 19)
]
ARRIVALS = [
    "https://www.google.com/",
    "https://search.naver.com/search.naver?query=신발",
    "https://www.instagram.com/",
    "",
]


def stream(count: int, seed: int = 1):
    """Events of visitors that come, click around for a while and go; a tenth of them sign in."""
    from tracker.event import Event

    draw = random.Random(seed)
    active: list[tuple[str, str, str]] = []
    made = 0
    while made < count:
        if len(active) < ACTIVE or draw.random() < 0.1:
            number = draw.randrange(VISITORS)
            visitor = f"{number:08x}-0000-4000-8000-{number:012x}"
            fresh = (visitor, draw.choice(AGENTS), f"203.0.{number % 250}.0")
            if len(active) < ACTIVE:
                active.append(fresh)
            else:
                active[draw.randrange(ACTIVE)] = fresh
            referrer = draw.choice(ARRIVALS)
        else:
            fresh, referrer = draw.choice(active), "https://shop.example/"
        visitor, agent, ip = fresh
        product = draw.randrange(5_000)
        props = {
            "product_id": f"p{product}",
            "category": f"c{product % 40}",
            "price": 19.9,
            "name": f"Shoe {product}",
        }
        kind, name, user = "page", "", None
        roll = draw.random()
        if roll < 0.30:
            kind, name = "track", "Product Viewed"
        elif roll < 0.36:
            kind, name = "track", "Product Added"
        elif roll < 0.38:
            kind, name = "track", "Order Completed"
            props = {"order_id": f"o{made}", "revenue": 39.8, "products": [props]}
        elif roll < 0.42:
            kind, name, props = (
                "track",
                "Offer Viewed",
                {"campaign": f"k{product % 5}", "variant": "a", "slot": "hero"},
            )
        elif roll < 0.43:
            kind, user, props = "identify", f"user{hash(visitor) % 3_000}", {}
        else:
            props = {}
        ts = START + made * 40
        yield Event(
            site="default",
            id=f"{made:08x}-1111-4000-8000-{draw.getrandbits(48):012x}",
            type=kind,
            name=name,
            visitor=visitor,
            user=user,
            ts=ts,
            received=ts + 60,
            url=f"https://shop.example/p/{product}?utm_none=1",
            title=f"Shoe {product} – Dangol Shop",
            referrer=referrer,
            ip=ip,
            ua=agent,
            lang="ko-KR",
            screen="1920x1080",
            props=props,
            context={"library": {"name": "dangol.js"}},
            source="snippet",
            proven=user is not None,
        )
        made += 1


def fill(log, count: int) -> int:
    return append(log, stream(count))


def append(log, events) -> int:
    """Append the events in batches; the bytes they took."""
    from tracker.event import encode
    from tracker.log.port import Record

    size = 0
    while batch := [Record(event.key, encode(event)) for event in itertools.islice(events, 1000)]:
        size += sum(len(record.value) for record in batch)
        log.append(batch)
    return size


def floor(log, count: int) -> float:
    """Seconds to read and commit everything, doing nothing with it."""
    consumer = log.consumer("floor", "f1")
    started, done = time.perf_counter(), 0
    while done < count:
        messages = consumer.poll(2_000, 0.5)
        done += len(messages)
        positions: dict[int, int] = {}
        for message in messages:
            positions[message.partition] = message.position
        consumer.commit(positions)
    consumer.close()
    return time.perf_counter() - started


def drain(worker, log, events: int) -> float:
    """Seconds until nothing of so many waits in the log and everything is stored."""
    stop, step, handled = threading.Event(), worker.step, 0

    def counted() -> int:
        nonlocal handled
        came = step()
        handled += came
        return came

    worker.step = counted
    thread = threading.Thread(target=worker.run, args=(stop,))
    started = time.perf_counter()
    thread.start()
    # Kafka's lag takes several questions: asked all the time it would take a tenth of what is measured.
    while handled < events or log.lag("ingest"):
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    stop.set()
    thread.join()
    return seconds


class Stages:
    """Processor seconds of the thread that runs each stage, those of stages within it left out."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._within = threading.local()

    def time(self, owner, name: str, stage: str) -> None:
        """Count what the method ``name`` of ``owner`` takes as ``stage``."""
        method = getattr(owner, name)

        def timed(*arguments, **options):
            outer = getattr(self._within, "inner", 0.0)
            self._within.inner = 0.0
            started = time.thread_time()
            try:
                return method(*arguments, **options)
            finally:
                took = time.thread_time() - started
                self.seconds[stage] += took - self._within.inner
                self._within.inner = outer + took

        setattr(owner, name, timed)

    def of(self, worker) -> "Stages":
        """Watch this worker. The poll of the log is wrapped when the worker has joined."""
        import ingest.worker.flushing

        self.time(worker.decoder, "read", "decode, enrich")
        self.time(worker.updater, "fold", "fold")
        self.time(worker.updater.store, "load", "load and decode profiles")
        self.time(worker.updater.store, "save", "encode and save profiles")
        self.time(ingest.worker.flushing, "row", "rows")
        self.time(worker.outbox.warehouse, "append", "Arrow, Parquet, Delta")
        consumer = worker.log.consumer

        def watched(*arguments):
            member = consumer(*arguments)
            self.time(member, "poll", "poll")
            self.time(member, "commit", "commit")
            return member

        worker.log.consumer = watched
        return self


def sizes(url: str) -> list[int]:
    """MEMORY USAGE of every profile."""
    import redis

    client = redis.Redis.from_url(url)
    keys = list(client.scan_iter(match="p:*", count=5000))
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.memory_usage(key)
    return [size for size in pipe.execute() if size]


class Case:
    """A log with events, a Redis for profiles and a worker on both, in ``folder``."""

    def __init__(self, folder: Path, kind: str, url: str = "") -> None:
        from ingest.dead_letters import DeadLetters
        from ingest.enrich.enrich import facts
        from ingest.worker.worker import Worker
        from profiles.redis.store import RedisProfiles
        from tests.support.kafka_broker import KafkaBroker
        from tests.support.machine import RedisServer
        from tracker.log.open import open_log
        from tracker.sites import Sites, new_site
        from warehouse.delta import Warehouse

        self.server = RedisServer(folder)
        self.server.start()
        self.broker = KafkaBroker(folder) if kind == "kafka" and not url else None
        if self.broker:
            self.broker.start()
            url = f"{self.broker.url}/events"
        self.log = open_log(url or f"{self.server.url}?stream=events")
        sites = Sites(folder / "sites.json")
        sites.save(new_site("default"))
        self.log.consumer("ingest", "w1").close()  # a log keeps for the groups that it knows
        self.worker = Worker(
            log=self.log,
            store=RedisProfiles(self.server.url),
            warehouse=Warehouse(str(folder / "warehouse")),
            sites=sites,
            facts=facts,
            deadletters=DeadLetters(folder),
            member="w1",
        )

    def close(self) -> None:
        self.log.close()
        self.server.kill()
        if self.broker:
            self.broker.kill()


def speed(kind: str, events: int, url: str, profile: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        case = Case(Path(name), kind, url)
        try:
            size = fill(case.log, events)
            bare = floor(case.log, events)
            stages, profiler = Stages(), cProfile.Profile()
            if profile:
                case.worker.step = functools.partial(profiler.runcall, case.worker.step)
            else:
                stages.of(case.worker)
            processor, load = time.process_time(), os.getloadavg()[0]
            seconds = drain(case.worker, case.log, events)
            processor = time.process_time() - processor
            memory = percentiles(sizes(case.server.url), 50, 99)
        finally:
            case.close()
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
        return
    rate, most = events / seconds, events / bare
    rows = [
        ("bare consumer (floor)", f"{most:,.0f}", f"{1e6 / most:.1f}"),
        ("worker, everything included", f"{rate:,.0f}", f"{1e6 / rate:.1f}"),
        ("its own processor time", f"{events / processor:,.0f}", f"{1e6 * processor / events:.1f}"),
    ]
    for stage, took in stages.seconds.most_common():
        rows.append((f"… {stage}", "", f"{1e6 * took / events:.1f}"))
    record(
        f"Ingest from {kind.capitalize()}",
        f"python -m bench.ingest --only {kind}",
        ("what", "events/s", "µs an event"),
        rows,
        f"{events:,} events of {size / events:.0f} bytes, {VISITORS:,} visitors: "
        f"{rate / most:.0%} of the floor. What bounds it is one interpreter's processor time. "
        f"Load before the run: {load:.1f}. "
        f"A profile takes {memory[0]:.0f} bytes of Redis in the median, {memory[1]:.0f} at p99.",
    )


def memory(events: int) -> None:
    """The worker's resident memory while events keep coming, a portion at a time."""
    taken: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as name:
        case, made = Case(Path(name), "redis"), stream(events)
        try:
            done = 0
            stop = threading.Event()
            thread = threading.Thread(target=case.worker.run, args=(stop,))
            thread.start()
            while done < events:
                append(case.log, itertools.islice(made, RSS_PORTION))
                done += RSS_PORTION
                while case.log.lag("ingest"):
                    time.sleep(0.05)
                taken.append((done, resident()))
                if done % RSS_STEP == 0:
                    print(f"{done:,} events: {taken[-1][1]:.0f} MiB", flush=True)
            stop.set()
            thread.join()
        finally:
            case.close()
    # From the first half on: caches are full then.
    later = [(x, y) for x, y in taken if x > events / 2]
    mean_x, mean_y = (sum(pair[i] for pair in later) / len(later) for i in (0, 1))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in later) / sum((x - mean_x) ** 2 for x, _ in later)
    record(
        "Memory of an ingest worker",
        f"python -m bench.ingest --rss --events {events}",
        ("events", "resident MiB"),
        [(f"{x:,}", f"{y:.0f}") for x, y in taken if x % RSS_STEP == 0 or x == RSS_PORTION],
        f"Slope over the second half: {slope * 1e6:.1f} MiB for a million events, the bench's own included.",
    )


def resident() -> float:
    """This process's resident memory now, MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--only", choices=("redis", "kafka"))
    parser.add_argument("--url", default="", help="of a Kafka topic")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--rss", action="store_true")
    given = parser.parse_args()
    if given.rss:
        memory(given.events)
        return
    for kind in (given.only,) if given.only else ("redis", "kafka"):
        speed(kind, given.events, given.url, given.profile)


if __name__ == "__main__":
    main()
