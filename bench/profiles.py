"""The memory that profiles take in Redis (MEMORY USAGE, key included): at 50 events, and over a site's visitors.

``python -m bench.profiles``. The visitors of the second part are as sites have them: most came once, a few
come every day (events: log-normal, median 5, 2 % above 150).
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import redis

from bench.results import percentiles, record
from profiles.facts import Facts, ProductLine
from profiles.fold import fold
from profiles.fold.fold import LogPosition, Settings
from profiles.model import Profile, Touch
from profiles.redis.store import RedisProfiles
from profiles.store.port import ABSENT, Write
from tracker.durations import HOUR_MS
from tracker.event import Event

START = 1_795_000_000_000
COUNT = 100_000
WAYS = [
    ("organic search", "google", "organic"),
    ("organic search", "naver", "organic"),
    ("social", "instagram", "social"),
    ("direct", "", ""),
]
ROLLS = (("Product Viewed", 0.30), ("Product Added", 0.06), ("Order Completed", 0.02), ("Offer Viewed", 0.04))


def happenings(events: int, draw: random.Random) -> Iterator[tuple[Event, Facts]]:
    """One visitor's events: a few seconds to minutes apart, every twelfth after hours or days; eight categories."""
    visitor = f"{draw.getrandbits(32):08x}-0000-4000-8000-{draw.getrandbits(48):012x}"
    ts = START + draw.randrange(30 * 24 * HOUR_MS)
    liked = draw.sample(range(40), 8)
    fresh = True
    for _ in range(events):
        product = draw.choice(liked) + 40 * draw.randrange(125)
        line = ProductLine(f"p{product}", f"c{product % 40}", 1.0, 19.9)
        name = draw.choices([*[name for name, _ in ROLLS], ""], [*[p for _, p in ROLLS], 0.58])[0]
        way = draw.choice(WAYS)
        touch = Touch(ts, *way, landing=f"/p/{product}") if fresh and way[1] else None
        ordered = name == "Order Completed"
        yield (
            Event(
                site="default",
                id=f"{draw.getrandbits(128):032x}",
                type="track" if name else "page",
                name=name,
                visitor=visitor,
                ts=ts,
                received=ts + 60,
                lang="ko-KR",
                props={"campaign": f"k{product % 5}"} if name == "Offer Viewed" else {},
                source="snippet",
            ),
            Facts(
                path=f"/p/{product}",
                touch=touch,
                device="desktop",
                browser="Chrome",
                os="Windows",
                country="KR",
                products=(line,) if name.startswith(("Product", "Order")) else (),
                revenue=39.8 if ordered else None,
            ),
        )
        fresh = draw.random() < 1 / 12
        ts += int(draw.expovariate(1 / 40_000))
        if fresh:
            ts += int(draw.choice([1, 3, 24, 72]) * HOUR_MS * (0.5 + draw.random()))


def profile_of(events: int, draw: random.Random) -> Profile:
    """The profile after ``events`` events of one visitor."""
    profile = Profile("")
    for number, (event, facts) in enumerate(happenings(events, draw)):
        if number:
            fold.trim(profile)
        else:
            profile = Profile(f"v:{event.visitor}")
        at = LogPosition(event.visitor or "", 12345 << 16 | 3, (event.received << 20) + number)
        fold.apply(profile, event, facts, Settings(), at)
    return profile


def sizes(url: str, profiles: Iterator[Profile], count: int) -> list[int]:
    """MEMORY USAGE of each of ``count`` profiles, stored as Dangol stores them."""
    store, client = RedisProfiles(url), redis.Redis.from_url(url)
    found: list[int] = []
    while len(found) < count:
        some = [next(profiles) for _ in range(min(1_000, count - len(found)))]
        store.save("default", [Write(profile.id, ABSENT, profile) for profile in some])
        pipe = client.pipeline(transaction=False)
        for profile in some:
            pipe.memory_usage(f"p:default:{profile.id}")
        found += pipe.execute()
    store.close()
    client.close()
    return found


def main() -> None:
    from tests.support.machine import RedisServer

    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=COUNT)
    given = parser.parse_args()
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        server = RedisServer(Path(name))
        server.start()
        fifty = sizes(server.url, (profile_of(50, draw) for _ in iter(int, 1)), given.count // 10)
        visitors = (
            profile_of(min(max(int(draw.lognormvariate(1.6, 1.65)), 1), 5_000), draw) for _ in iter(int, 1)
        )
        site = sizes(server.url, visitors, given.count)
        server.kill()
    rows = []
    for what, found in ((f"{len(fifty):,} of 50 events", fifty), (f"{len(site):,} visitors of a site", site)):
        median, most = percentiles(found, 50, 99)
        rows.append((what, f"{median:,.0f}", f"{most:,.0f}", f"{max(found):,.0f}"))
    record(
        "Profiles in Redis",
        "python -m bench.profiles",
        ("profiles", "median, bytes", "p99", "largest"),
        rows,
        "Budgets: 1,500 bytes in the median at 50 events, 8,192 at p99.",
    )


if __name__ == "__main__":
    main()
