"""A campaign over HTTP, a real event log, a worker and real tables: its report is what a naive computation says of what
happened, whatever was changed meanwhile."""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.worker.worker import Bounds, Worker
from profiles.redis.store import RedisProfiles
from tests.support import enrolment_oracle as naive
from tests.support.enrolment_oracle import Happening
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.durations import DAY_MS, DAY_SECONDS
from tracker.event import SITE, Event, encode
from tracker.log.port import Record
from tracker.log.redis.event_log import RedisLog
from tracker.sites import Site
from warehouse.delta import Warehouse

pytestmark = pytest.mark.redis

PEOPLE, DAYS = 90, 9
SIGN_IN, SECOND = 4, 1_000
"""Every third person has a second device. On day SIGN_IN everybody signs in on each of theirs."""
WINDOW = 2 * DAY_MS
BUYS = {"decided": 0.5, "withheld": 0.2, "": 0.1}
CAMPAIGN = {
    "name": "For who never ordered",
    "status": "live",
    "slots": ["hero"],
    "audience": "orders = 0",
    "holdout": 0.5,
    "caps": [],
    "goal": {"event": "Order Completed", "window": "2d"},
    "allocation": "fixed",
    "creatives": [{"id": name, "kind": "json", "content": {"t": name}} for name in "ab"],
}


class Shop:
    """A shop whose visitors ask by HTTP, and the raw list of what happened."""

    def __init__(self, folder: Path, redis_url: str, site: Site, clock: Clock) -> None:
        self.folder, self.redis_url, self.site, self.clock = folder, redis_url, site, clock
        self.log = RedisLog(f"{redis_url}?stream=events&shards=2")
        self.raw: list[Happening] = []
        self.late: list[Event] = []
        self.told: list[str] = []
        self.known: set[str | None] = set()
        """Devices of whose orders ingest knows."""
        self.weights = {"a": 0.5, "b": 0.5}
        self.shares = (0.5, 0.0)
        self.stage = self.opened()
        self.worker = Worker(
            log=self.log,
            store=RedisProfiles(redis_url),
            warehouse=Warehouse(self.stage.warehouse.path),
            sites=self.stage.stores.sites,
            facts=facts,
            deadletters=DeadLetters(folder),
            bounds=Bounds(batch=1_000, poll_seconds=0.0, flush_seconds=1e9),
            clock=clock,
        )

    def opened(self) -> Stage:
        _, overall = self.shares
        return stage_of(
            self.folder, self.redis_url, self.site, self.clock, global_holdout=overall, log=self.log
        )

    def change(self, own: float, overall: float, weights: tuple[float, float]) -> None:
        """The campaign's holdout and weights, and the global holdout, which is a setting of the processes."""
        self.shares = own, overall
        self.stage.web.close()
        self.stage = self.opened()
        creatives = [
            {**each, "weight": weight} for each, weight in zip(CAMPAIGN["creatives"], weights, strict=True)
        ]
        body = {**CAMPAIGN, "holdout": own, "creatives": creatives}
        assert self.stage.call("PUT", "/v1/campaigns/new", json=body).status_code == 200
        self.weights = dict(zip("ab", (each / sum(weights) for each in weights), strict=True))
        time.sleep(0.6)  # web workers look for new campaigns twice a second

    def send(self, *events: Event) -> None:
        self.log.append([Record(each.key, encode(each)) for each in events])

    def settle(self) -> None:
        self.stage.web.close()
        time.sleep(0.1)
        while self.worker.step():
            pass
        self.worker.flush()

    @property
    def now(self) -> int:
        return int(self.clock() * 1000)

    def event(self, device: int, name: str, at: int, **more: Any) -> Event:
        told = {"type": "track", "source": "api", "sender": SITE, **more}
        number = f"{name}-{device}-{at}"
        return Event(
            site="default", id=number, name=name, visitor=f"d{device}", ts=at, received=self.now, **told
        )


@contextmanager
def served(shop: Shop) -> Iterator[http.client.HTTPConnection]:
    """A connection to the application of now."""
    server = make_server("127.0.0.1", 0, shop.stage.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()
        server.shutdown()
        thread.join()


def owner_of(device: int) -> int:
    return device % SECOND


def a_day(shop: Shop, day: int, draw: random.Random) -> None:
    """Some devices ask, see what they are shown, and order. At its end ingest has read what it was told."""
    devices = [*range(PEOPLE), *(SECOND + each for each in range(0, PEOPLE, 3))]
    draw.shuffle(devices)
    late, shop.late = shop.late, []
    with served(shop) as connection:
        for device in devices:
            shop.clock.advance(1.0)
            if owner_of(device) % DAYS <= day and draw.random() < 0.6:  # new people come every day
                what = ask(shop, connection, device, day)
                if draw.random() < max(BUYS[what], 0.3 if device % 7 == 0 else 0.0):
                    order(shop, device, draw)
    if day == SIGN_IN:
        for device in devices:
            told = {"user": f"p{owner_of(device)}", "type": "identify", "proven": True}
            shop.send(shop.event(device, "", shop.now, **told))
    shop.send(*late)
    shop.settle()
    shop.known.update(each.visitor for each in late)
    shop.known.update(shop.told)
    shop.told.clear()


def ask(shop: Shop, connection: http.client.HTTPConnection, device: int, day: int) -> str:
    """What was decided about the device, which sees what it is shown."""
    at, number = shop.now, len(shop.raw)
    body = {"visitor": f"d{device}", "writeKey": "wk_test", "slots": [{"id": "hero", "kind": "offer"}]}
    headers = {"Content-Type": "application/json", "User-Agent": "python-requests/2.32.3"}
    connection.request("POST", "/v1/personalize", json.dumps(body), headers)
    slot = json.loads(connection.getresponse().read())["slots"]["hero"]
    theirs = {owner_of(device), owner_of(device) + SECOND} if day > SIGN_IN else {device}
    if any(f"d{each}" in shop.known for each in theirs):
        assert slot["offer"] is None  # they are no longer in the audience
        return ""
    if slot["offer"] is None:
        shop.raw.append(Happening(at, device, "withheld", number, "", (*shop.shares, 1.0)))
        return "withheld"
    variant = slot["offer"]["variant"]
    shares = *shop.shares, shop.weights[variant]
    props = {"campaign": "new", "variant": variant, "slot": "hero", "token": slot["token"]}
    shop.send(
        shop.event(device, "Offer Viewed", at + 100, props=props, source="snippet", sender="203.0.113.0")
    )
    if any(shop.shares):  # else nobody is held out, and decisions are not logged
        shop.raw.append(Happening(at, device, "decided", number, variant, shares))
    shop.raw.append(Happening(at + 100, device, "view", number, variant, shares))
    return "decided"


def order(shop: Shop, device: int, draw: random.Random) -> None:
    """The shop's server tells of it at once, or on the next day."""
    at, number = shop.now + 300, len(shop.raw)
    told = shop.event(device, "Order Completed", at, props={"order_id": f"o{number}", "revenue": 20.0})
    shop.raw.append(Happening(at, device, "order", number, amount=20.0))
    if draw.random() < 0.3:
        shop.late.append(told)
    else:
        shop.send(told)
        shop.told.append(f"d{device}")


def summed(people: list[naive.Person]) -> dict[str, float]:
    return {
        "visitors": len(people),
        "converted": sum(each.converted for each in people),
        "revenue": pytest.approx(sum(each.revenue for each in people)),
    }


def of_report(group: dict[str, float]) -> dict[str, float]:
    return {name: group[name] for name in ("visitors", "converted", "revenue")}


def test_the_report_is_what_a_naive_computation_says(
    tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock
) -> None:
    clock.now = clock.now // DAY_SECONDS * DAY_SECONDS + 12 * 3_600
    begin, draw, shop = clock.now, random.Random(5), Shop(tmp_path, own_redis.url, site, clock)
    changes = {
        0: (0.5, 0.0, (1.0, 1.0)),
        3: (0.2, 0.0, (1.0, 3.0)),
        6: (0.2, 0.3, (1.0, 3.0)),
        DAYS - 1: (0.0, 0.0, (1.0, 1.0)),
    }
    for day in range(DAYS):
        clock.now = begin + day * DAY_SECONDS
        if day in changes:
            shop.change(*changes[day])
        a_day(shop, day, draw)
    shop.send(*shop.late)
    shop.settle()
    owners = {each.device: owner_of(each.device) for each in shop.raw}
    for first, last in ((0, DAYS - 1), (0, 2), (3, 5), (6, 7), (7, 7), (DAYS - 1, DAYS - 1)):
        spans = [int(begin // DAY_SECONDS + each) * DAY_MS for each in (first, last + 1)]
        people = list(naive.people(shop.raw, owners, *spans, WINDOW, shop.now).values())
        days = [time.strftime("%Y-%m-%d", time.gmtime(begin + each * DAY_SECONDS)) for each in (first, last)]
        found = shop.stage.call("GET", f"/v1/reports/campaigns/new?from={days[0]}&to={days[1]}").json
        checked(found, people)
    whole = list(naive.people(shop.raw, owners, 0, 1 << 53, WINDOW, shop.now).values())
    assert len(whole) > 50 and any(each.crossed for each in whole) and any(each.open for each in whole)
    assert len({each.held_share for each in whole}) > 2


def checked(found: dict[str, Any], people: list[naive.Person]) -> None:
    drawn = [each for each in people if each.held_share > 0]
    comparison = found["comparison"]
    if not drawn:
        assert comparison is None
    else:
        assert comparison["open"] == sum(each.open for each in drawn)
        assert comparison["crossed"] == sum(each.crossed for each in people)
        mean = sum(each.held_share for each in drawn) / len(drawn)
        assert comparison["expected"] == pytest.approx(mean, abs=1e-5)
        assert comparison["unknown"] == 0 and not comparison["mismatch"] and comparison["chance"] > 0.001
        groups: list[list[naive.Person]] = [[], []]
        for share in {each.held_share for each in drawn}:
            pair = [
                [each for each in drawn if not each.open and (each.held_share, each.held) == (share, held)]
                for held in (False, True)
            ]
            if all(pair):
                groups = [mine + more for mine, more in zip(groups, pair, strict=True)]
        if not all(groups):
            assert comparison["lift"] is None
        else:
            told = [of_report(comparison["lift"][name]) for name in ("shown", "withheld")]
            assert told == [summed(each) for each in groups]
    split = {each["variant"]: each for each in found["split"]["variants"]}
    for name in "ab":
        mine = [each for each in people if each.variant == name]
        closed = summed([each for each in mine if not each.open])
        told = {
            "visitors": split[name]["people"],
            **{key: split[name][key] for key in ("converted", "revenue")},
        }
        assert told == closed and split[name]["open"] == sum(each.open for each in mine)
