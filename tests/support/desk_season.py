"""Six seeded weeks of a small shop, in warehouse and profiles: enough for every page of the desk to have something."""

import json
import random
from typing import Any

from offers.segments.segment import Segment
from profiles.model import Affinity, CartLine, Counts, Exposure, ItemTouch, Profile, Session, Touch
from profiles.store.port import Write
from tests.support.consents import answers
from tests.support.desk_rows import at
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage
from tracker.durations import HOUR_MS
from warehouse.tables.schema import EventRow

CHANNELS = (
    ("organic search", "google", "", "running shoes"),
    ("organic search", "naver", "", "운동화"),
    ("e-mail", "newsletter", "autumn", ""),
    ("social", "instagram", "", ""),
    ("direct", "", "", ""),
)
DEVICES = (
    ("desktop", "Firefox", "Linux"),
    ("phone", "Chrome Mobile", "Android"),
    ("tablet", "Safari", "iPadOS"),
)
ITEMS = (
    ("p1", "Trail Runner", "shoes", 89.0),
    ("p2", "Rain Jacket", "jackets", 129.0),
    ("p3", "Wool Socks", "socks", 12.0),
)
TERMS = (("trail", 4), ("방수 부츠", 0), ("gift card", 0), ("socks", 2))
STEPS = (
    ("page", "/"),
    ("Product Viewed", "/p"),
    ("Product Added", "/p"),
    ("page", "/checkout"),
    ("Order Completed", "/thanks"),
)
REACH = (1.0, 0.7, 0.4, 0.6, 0.75)


def season(stage: Stage, now: float, visitors: int = 160, seed: int = 7) -> None:
    """Everything is of the site `default`, before ``now`` (seconds)."""
    chance = random.Random(seed)
    rows: list[EventRow] = []
    people: list[Profile] = []
    for number in range(visitors):
        rows_of, profile = _person(chance, number, now)
        rows += rows_of
        people.append(profile)
    stage.warehouse.append([*rows, *_fetches(now)], [], {})
    stage.profiles.save("default", [Write(each.id, b"", each) for each in people])
    for name, title, audience in (
        ("buyers", "Buyers", "orders > 0"),
        ("lookers", "Only looking", "orders = 0"),
    ):
        stage.stores.segments.store.put("default", Segment(id=name, name=title, audience=audience))
    items = [
        {"id": item, "name": name, "category": category, "price": price}
        for item, name, category, price in ITEMS
    ]
    assert stage.call("PUT", "/v1/items", json={"items": items}).status_code == 200


AGENTS = (
    "ChatGPT-User",
    "GPTBot",
    "Googlebot",
    "Googlebot",
    "Yeti",
    "ClaudeBot",
    "kakaotalk-scrap",
    "AhrefsBot",
)


def _fetches(now: float) -> list[EventRow]:
    """What agents read of the shop, in its access log."""
    chance = random.Random(15)
    return [
        row(
            min(at(now, chance.randint(0, 41), chance.randint(-500, 600)), int(now * 1000) - HOUR_MS),
            id=f"fetch{number}",
            session="",
            bot=True,
            source="log",
            browser=chance.choice(AGENTS),
            path=chance.choice(("/", "/p/p1", "/p/p2", "/long/" + "way-" * 30, "/gone")),
            props='{"status":200}',
        )
        for number in range(300)
    ]


def _person(chance: random.Random, number: int, now: float) -> tuple[list[EventRow], Profile]:
    customer = number % 3 == 0
    profile_id = f"u:customer-{number}" if customer else f"v:{chance.getrandbits(64):016x}"
    device, browser, system = chance.choice(DEVICES)
    country = chance.choice(("KR", "KR", "DE", "US"))
    rows: list[EventRow] = []
    sessions, counts, touched = [], Counts(), []
    for visit in range(chance.choice((1, 1, 2, 4))):
        channel, origin, campaign, keyword = chance.choice(CHANNELS)
        start = at(now, chance.randint(0, 41), chance.randint(-500, 600))
        start = min(start, int(now * 1000) - HOUR_MS)
        came: dict[str, Any] = {
            "channel": channel,
            "origin": origin,
            "campaign": campaign,
            "keyword": keyword,
        }
        came |= {
            "device": device,
            "browser": browser,
            "os": system,
            "country": country,
            "profile": profile_id,
        }
        came |= {"session": f"{profile_id}-{visit}", "demo": False, "visitor": profile_id[2:]}
        ts = start
        for (what, path), reach in zip(STEPS, REACH, strict=True):
            if chance.random() > reach:
                break
            ts += chance.randint(5, 300) * 1000
            item, _, category, price = chance.choice(ITEMS)
            fields: dict[str, Any] = (
                {"type": "page", "title": path} if what == "page" else {"type": "track", "name": what}
            )
            if what.startswith("Product"):
                fields |= {"product": item, "category": category, "price": price, "quantity": 1.0}
                touched.append(ItemTouch(item, "view", ts, category))
            if what == "Order Completed":
                lines = [
                    {"product": each, "category": kind, "quantity": 1.0, "price": cost}
                    for each, _, kind, cost in ITEMS[:2]
                ]
                fields |= {"order": f"o-{number}-{visit}", "revenue": 218.0, "items": lines}
                counts.orders, counts.revenue = counts.orders + 1, counts.revenue + 218.0
            rows.append(row(ts, id=f"{profile_id}{ts}{what}", path=path, **fields, **came))
        term, results = chance.choice(TERMS)
        props = json.dumps({"query": term, "results": results})
        search = {"type": "track", "name": "Products Searched", "path": "/search", "props": props}
        rows.append(row(ts + 1000, id=f"{profile_id}{ts}search", **search, **came))
        rows.append(
            row(ts + 2000, id=f"{profile_id}{ts}bye", path=chance.choice(("/help", "/about")), **came)
        )
        sessions.append(
            Session(came["session"], start, ts, Touch(start, channel, origin, "", campaign, keyword, "/"))
        )
        counts.visits += 1
    sessions.sort(key=lambda session: session.start)
    profile = Profile(
        id=profile_id,
        visitors=[profile_id[2:]],
        user=profile_id[2:] if customer else None,
        traits={"name": f"김단골 {number}", "email": f"regular{number}@example.com"} if customer else {},
        first_seen=sessions[0].start,
        last_seen=sessions[-1].last,
        first_touch=sessions[0].touch,
        last_touch=sessions[-1].touch,
        counts=counts,
        sessions=sessions,
        items=touched[-5:],
        cart={"p1": CartLine(1, 89.0)} if number % 4 == 0 else {},
        affinities={"shoes": Affinity(2.0, sessions[-1].last), "socks": Affinity(1.0, sessions[-1].last)},
        exposure={"autumn": Exposure(2, 1, sessions[-1].last)},
        device=device,
        browser=browser,
        os=system,
        country=country,
        consents=answers({"analytics": True, "marketing": number % 2 == 0}),
        scores={"churn": 0.25},
    )
    return rows, profile
