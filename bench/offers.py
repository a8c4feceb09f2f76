"""Offers: a page of two offer slots decided among 200 live campaigns, alone and over HTTP (which needs ``wrk``), and an
audience of 50 clauses.

The floor of a decision is one bare Redis round trip (EVALSHA of a script that returns a constant): whoever
caps exactly must make it.
"""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.personalize import HEADER, RATE, load, row, serving
from bench.results import percentiles, record

CAMPAIGNS, VISITORS, PAGES = 200, 2_000, 10_000
NOW = 1_795_000_000
OFFER_SLOTS = """string.format('{{"visitor":"%d","slots":[' ..
    '{{"id":"hero","kind":"offer"}},{{"id":"cart","kind":"offer"}}]}}', math.random(0, {visitors} - 1))"""
CATEGORIES = ("shoes", "bags", "outdoor", "kitchen", "books", "toys", "garden", "audio")


def main() -> None:
    from tests.support.machine import RedisServer

    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        assert server.process
        try:
            rows = pages(server.url)
            served = over_http(Path(folder), server.url, server.process.pid)
        finally:
            server.kill()
    record(
        "Offers",
        "python -m bench.offers",
        ("what", "p50", "p99", "CPU each", "per second, one process"),
        [*rows, audience()],
        f"{CAMPAIGNS} live campaigns, two slots, caps, a bandit of two variants each; a whole request may take "
        "10 ms (p99, 1,000 requests/s on 2 cores), 50 clauses 20 µs.",
    )
    record(
        "Offers over HTTP",
        "python -m bench.offers",
        HEADER,
        served,
        f"{CAMPAIGNS} live campaigns, two slots.",
    )


def pages(url: str) -> list[tuple[str, ...]]:
    import redis

    from offers.campaign.store import CampaignStore
    from offers.decision.caps import CapStore
    from offers.decision.decider import Decider
    from offers.feedback.token import TokenSigner
    from profiles.sansio import run_sync
    from tracker.sites import Site

    site = Site(id="default", write_key="w", secret_key="s")
    store = CampaignStore(url)
    for number in range(CAMPAIGNS):
        store.put("default", campaign(number), 1)
    decider = Decider(
        store, CapStore(url, timeout=5), TokenSigner("secret"), clock=lambda: NOW, chance=random.Random(1)
    )
    people = [visitor(number) for number in range(VISITORS)]
    turn = iter(range(1 << 60))
    constant = redis.Redis.from_url(url).register_script("return 1")
    return [
        timed("one Redis script (floor)", lambda: constant(keys=["x"])),
        timed(
            "a page of two offers",
            lambda: run_sync(decider.decide(site, people[next(turn) % VISITORS], ["hero", "cart"])),
        ),
    ]


def over_http(folder: Path, url: str, store: int) -> list[list[object]]:
    """``/v1/personalize`` with two offer slots, for visitors with profiles."""
    import redis

    from profiles.encoding import codec

    with redis.Redis.from_url(url) as client:
        for number in range(VISITORS):
            client.set(f"p:default:v:{number}", b"\0" * 8 + codec.encode(visitor(number)))
    body = OFFER_SLOTS.format(visitors=VISITORS)
    with serving(folder, url) as (port, server):
        run = lambda count, path="/v1/personalize", rate=None: load(  # noqa: E731
            port, path, body, count, (server, store), rate
        )
        run(8)  # warm
        return [
            row("nothing but the server (floor: /healthz)", run(4, "/healthz")),
            row("two offers, 4 connections", run(4)),
            row(f"two offers, {RATE:,} a second", run(16, rate=RATE)),
        ]


def audience() -> tuple[str, ...]:
    from offers.audience.audience import Audience
    from tracker.sites import Site

    clauses = [
        "affinity('shoes') >= 0",
        "country != 'ZZ'",
        "visits >= 0",
        "not bought('p9')",
        "device in ('phone','desktop')",
    ]
    compiled, profile = Audience.parse(" and ".join(clauses * 10)), visitor(1)
    site = Site(id="default", write_key="wk", secret_key="sk")
    assert compiled.matches(profile, NOW * 1000, site)
    return timed("an audience of 50 clauses", lambda: compiled.matches(profile, NOW * 1000, site))


def timed(name: str, work: Callable[[], object]) -> tuple[str, ...]:
    for _ in range(200):
        work()
    took, busy = [], time.process_time()
    for _ in range(PAGES):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    busy = (time.process_time() - busy) / PAGES
    half, most = percentiles(took, 50, 99)
    figures = (f"{each * 1e6:.0f} µs" for each in (half, most, busy))
    return name, *figures, f"{PAGES / sum(took):,.0f}"


def campaign(number: int):
    from offers.campaign.document import parse

    category, rules = (
        CATEGORIES[number % 8],
        ("orders > 1", "device = 'phone'", "channel in ('mail', 'search')", "new"),
    )
    return parse(
        {
            "id": f"c{number}",
            "name": f"Campaign {number}",
            "status": "live",
            "slots": ["hero", "cart"][: 1 + number % 2],
            "priority": number % 5,
            "audience": f"affinity('{category}') > 0.{number % 9} and ({rules[number % 4]} or visits > {number % 7}) "
            f"and cart_value < {50 + number} and country != 'ZZ' and not bought('p{number}')",
            "caps": [{"limit": 3, "per": "session"}, {"limit": 20, "per": "day"}],
            "creatives": [{"id": name, "kind": "json", "content": {"title": name}} for name in "ab"],
        }
    )


def visitor(number: int):
    from profiles.model import Affinity, CartLine, Counts, ItemTouch, Profile, Touch

    draw = random.Random(number)
    likes = draw.sample(CATEGORIES, 3)
    return Profile(
        id=f"v:{number}",
        visitors=[str(number)],
        last_seen=NOW * 1000,
        last_touch=Touch(channel=draw.choice(["mail", "search", "direct"])),
        counts=Counts(visits=draw.randrange(1, 9), orders=draw.randrange(3)),
        items=[ItemTouch(f"p{draw.randrange(300)}", "view", NOW * 1000 - i, likes[i % 3]) for i in range(50)],
        cart={"p1": CartLine(1, 20.0)} if number % 3 else {},
        affinities={name: Affinity(draw.random() * 5, NOW * 1000) for name in likes},
        device=draw.choice(["phone", "desktop"]),
        country="DE",
    )


if __name__ == "__main__":
    main()
