"""Ingest, everything included: log → enrich → profile in Redis → Delta, by one worker on one log.

The floor is the same log read and committed by a bare consumer of the same backend that throws the messages away.
``--profile`` prints where the time goes. ``--kafka URL`` reads from a Kafka topic instead of Redis.
"""

import argparse
import cProfile
import functools
import pstats
import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.results import percentiles, record

sys.path.insert(0, str(Path(__file__).parent.parent))

EVENTS = 300_000
VISITORS = 30_000
ACTIVE = 2_000  # visitors on the site at one time
START = 1_795_000_000_000

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
        )
        made += 1


def fill(log, count: int) -> int:
    from tracker.event import encode
    from tracker.log import Record

    batch, size = [], 0
    for event in stream(count):
        raw = encode(event)
        size += len(raw)
        batch.append(Record(event.key, raw))
        if len(batch) == 1000:
            log.append(batch)
            batch = []
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


def drain(worker, log) -> float:
    """Seconds until nothing waits in the log and everything is stored."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    started = time.perf_counter()
    thread.start()
    while log.lag("ingest"):
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    stop.set()
    thread.join()
    return seconds


def sizes(url: str) -> list[int]:
    """MEMORY USAGE of every profile."""
    import redis

    client = redis.Redis.from_url(url)
    keys = list(client.scan_iter(match="p:*", count=5000))
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.memory_usage(key)
    return [size for size in pipe.execute() if size]


def main() -> None:
    from ingest.deadletters import DeadLetters
    from ingest.enrich import facts
    from ingest.worker import Worker
    from profiles.redis import RedisProfiles
    from tests.conftest import RedisServer
    from tracker.logs import open_log
    from tracker.sites import Sites, new_site
    from warehouse.delta import Warehouse

    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--kafka", default="")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = RedisServer(folder)
        server.start()
        log = open_log(given.kafka or f"{server.url}?stream=events")
        sites = Sites(folder / "sites.json")
        sites.save(new_site("default"))
        log.consumer("ingest", "w1").close()  # a log keeps for the groups that it knows
        size = fill(log, given.events)
        bare = floor(log, given.events)
        worker = Worker(
            log=log,
            store=RedisProfiles(server.url),
            warehouse=Warehouse(str(folder / "warehouse")),
            sites=sites,
            facts=facts,
            deadletters=DeadLetters(folder),
            member="w1",
        )
        profiler = cProfile.Profile()
        if given.profile:
            worker.step = functools.partial(profiler.runcall, worker.step)
        processor = time.process_time()
        seconds = drain(worker, log)
        processor = time.process_time() - processor
        if given.profile:
            pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
        memory = percentiles(sizes(server.url), 50, 99)
        log.close()
        server.kill()
    rate, most = given.events / seconds, given.events / bare
    backend = "Kafka" if given.kafka else "Redis"
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    record(
        f"Ingest from {backend}",
        "python -m bench.ingest" + (" --kafka URL" if given.kafka else ""),
        ("what", "events/s", "µs an event"),
        [
            ("bare consumer (floor)", f"{most:,.0f}", f"{1e6 / most:.1f}"),
            ("worker, everything included", f"{rate:,.0f}", f"{1e6 / rate:.1f}"),
            (
                "its own processor time",
                f"{given.events / processor:,.0f}",
                f"{1e6 * processor / given.events:.1f}",
            ),
        ],
        f"{given.events:,} events of {size / given.events:.0f} bytes, {VISITORS:,} visitors: "
        f"{rate / most:.0%} of the floor. "
        f"A profile takes {memory[0]:.0f} bytes of Redis in the median, {memory[1]:.0f} at p99. "
        f"Resident memory at most {rss:.0f} MiB, the bench's own included.",
    )


if __name__ == "__main__":
    main()
