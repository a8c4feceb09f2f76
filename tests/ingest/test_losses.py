"""What is lost of the fields that a site sends is counted once, from the request to the store, with an example."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from ingest.enrich.enrich import facts
from ingest.losses import ADD_SECONDS, LossCounter
from ingest.metrics import Metrics
from ingest.worker.worker import Bounds, Worker
from profiles.losses import DAYS, KEEP_SECONDS, LossCount, LossesUnavailable, LossStore
from tests.support.ingest_streams import START, MemoryIngest, event, records, sites_of
from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog
from tracker.app import Tracker
from tracker.durations import DAY_MS
from tracker.event import SITE, Event, decode, encode
from tracker.fields.losses import FIELDS, REASONS, Loss, loss
from tracker.sites import Site

NOW = START / 1000 + 60
ORDER: dict[str, Any] = {"name": "Order Completed", "sender": SITE}


class Pipe(MemoryIngest):
    """Tracker, log, workers with the real enrichment, and a real Redis for the losses."""

    def __init__(self, folder: Path, site: Site, url: str) -> None:
        super().__init__(folder, sites_of(folder, site))
        self.kept = LossStore(redis.Redis.from_url(url))
        self.metrics = Metrics()

    def worker(self, **other: Any) -> Worker:
        given = {"facts": facts, "losses": self.kept, "metrics": self.metrics} | other
        return self.worker_with(Bounds(batch=3, poll_seconds=0.0, flush_seconds=0.0), **given)

    def run(self) -> None:
        worker = self.worker()
        while worker.step():
            pass
        worker.flush()
        worker.close()

    def told(self, now: float = NOW) -> dict[tuple[str, str], LossCount]:
        return {(each.field, each.reason): each for each in self.kept.read("default", now)}


@pytest.fixture
def pipe(tmp_path: Path, site: Site, redis_url: str) -> Pipe:
    return Pipe(tmp_path, site, redis_url)


@pytest.mark.redis
def test_lost_fields_are_counted_once_with_the_last_example(pipe: Pipe) -> None:
    lost = [
        event(f"e{n}", n / 1000, **ORDER, props={"order_id": f"o{n}", "revenue": f"{n},900"})
        for n in range(1, 9)
    ]
    good = [event("good", 0.1, **ORDER, props={"order_id": "g", "revenue": 5})]
    pipe.log.append(records([*lost, *good, lost[0], lost[3]]))
    pipe.run()
    (found,) = pipe.told().values()
    assert (found.field, found.reason, found.events, found.since) == ("revenue", "ambiguous", 8, "2026-11-18")
    assert (found.at, found.example) == (lost[-1].received, "8,900")
    sample = {"site": "default", "field": "revenue", "reason": "ambiguous"}
    assert pipe.metrics.registry.get_sample_value("dangol_ingest_lost_values_total", sample) == 8
    pipe.log.append(records([event("next", 1, **ORDER, props={"revenue": -50, "currency": "euros"})]))
    pipe.run()
    assert {key: each.events for key, each in pipe.told().items()} == {
        ("revenue", "ambiguous"): 8,
        ("revenue", "negative"): 1,
        ("currency", "not_iso"): 1,
    }


@pytest.mark.redis
def test_events_that_are_read_again_are_not_counted_again(pipe: Pipe) -> None:
    """A worker dies before it commits; the next one reads the same messages."""
    pipe.log.append(records([event(f"e{n}", n / 10, **ORDER, props={"revenue": "?1"}) for n in range(7)]))
    first = pipe.worker()
    while first.step():
        pass
    first.losses.add(now=True)
    del first  # nothing was flushed or committed
    pipe.run()
    assert pipe.told()["revenue", "unreadable"].events == 7


@pytest.mark.redis
def test_two_workers_add_up_and_each_day_is_its_own(pipe: Pipe) -> None:
    for day, number in ((0, 2), (3, 1), (DAYS - 1, 4)):
        for _ in range(2):
            counter = LossCounter(pipe.kept, pipe.metrics.lost_values)
            for n in range(number):
                counter.note("default", [loss("price", "decimals", n)], START - day * DAY_MS)
            counter.add(now=True)
    (found,) = pipe.kept.read("default", NOW)
    assert (found.events, found.at, found.example) == (14, START, "1")
    assert found.since == "2026-10-20" and pipe.kept.read("default", NOW, days=2)[0].events == 4
    assert pipe.kept.read("default", NOW + DAYS * 86_400) == []
    assert pipe.kept.read("other", NOW) == []
    client = redis.Redis(connection_pool=pipe.kept._client.connection_pool)
    for key in client.keys("dg:losses:*"):
        assert KEEP_SECONDS - 60 < client.ttl(key) <= KEEP_SECONDS


@pytest.mark.redis
def test_a_store_that_is_away_loses_no_count(pipe: Pipe) -> None:
    clock = Clock()
    counter = LossCounter(LossStore(redis.Redis(port=1)), pipe.metrics.lost_values, clock)
    for n in range(5):
        counter.note("default", [loss("price", "decimals", n)], START)
        clock.now += ADD_SECONDS
        counter.add()
    with pytest.raises(LossesUnavailable):
        LossStore(redis.Redis(port=1)).read("default", NOW)
    counter._losses = pipe.kept
    clock.now += ADD_SECONDS
    counter.add()
    counter.add(now=True)
    assert pipe.told()["price", "decimals"].events == 5


@pytest.mark.redis
def test_nobody_makes_the_store_grow(pipe: Pipe) -> None:
    """Only words of ours are names, whoever writes to the log; an example is short."""
    forged = [Loss(f"field{n}", "cut", "x" * 10_000) for n in range(500)] + [Loss("price", "because", "x")]
    long = Loss("price", "cut", "y" * 10_000)
    pipe.log.append(records([event("e1", losses=(*forged, long))]))
    pipe.run()
    assert list(pipe.told()) == [("price", "cut")] and len(pipe.told()["price", "cut"].example) <= 100
    counter = LossCounter(pipe.kept, pipe.metrics.lost_values)
    for field in FIELDS:
        for reason in REASONS:
            counter.note("default", [loss(field, reason, "z" * 99)], START)
    counter.add(now=True)
    client = redis.Redis(connection_pool=pipe.kept._client.connection_pool)
    assert sum(client.memory_usage(key) for key in client.keys("dg:losses:*")) < 200_000


def sent(tracker: Client, site: Site, *messages: dict[str, Any], raw: bytes) -> None:
    batch = [{"type": "track", "messageId": f"m{n}", **each} for n, each in enumerate(messages)]
    body = json.dumps({"batch": batch}).encode()[:-2] + b", " + raw + b"]}"
    assert tracker("POST", "/v1/batch", body, HTTP_AUTHORIZATION=f"Bearer {site.secret_key}").status == 200


@pytest.mark.redis
def test_what_the_tracker_loses_is_counted_too(pipe: Pipe, site: Site) -> None:
    log = ListLog()
    tracker = Client(Tracker(pipe.sites, log))
    bought = {"event": "Order Completed", "userId": "kim"}
    sent(
        tracker,
        site,
        {**bought, "properties": {"order_id": 10000001.0, "revenue": "1e400"}, "timestamp": "yesterday"},
        {**bought, "userId": "undefined", "anonymousId": "a1"},
        {
            **bought,
            "userId": "undefined",
            "anonymousId": "[object Object]",
            "properties": {"order_id": "null"},
        },
        {"event": "x", "userId": "kim", "properties": {"n": 2**70, "deep": json.loads("[" * 30 + "]" * 30)}},
        {"type": "group", "userId": "kim", "groupId": "g" * 300},
        raw=b'{"type": "track", "event": "x", "userId": "kim", "properties": {"n": 1e999, "t": "\\ud800"}}',
    )
    ids = [each.props.get("order_id") for each in log.events]
    assert ids[0] == 10000001.0 and log.events[-2].props["groupId"] != "g" * 200
    pipe.log.append(records(log.events))
    pipe.run()
    found = {
        f"{each.field} {each.reason}": (each.events, each.example)
        for each in pipe.kept.read("default", time.time())
    }
    assert found == {
        "timestamp invalid": (1, "yesterday"),
        "revenue too_large": (1, "1e400"),
        "user placeholder": (2, "undefined"),
        "visitor placeholder": (1, "[object Object]"),
        "order placeholder": (1, "null"),
        "props number": (2, ""),
        "text text": (1, ""),
        "props nested": (1, ""),
        "group cut": (1, "g" * 40),
    }


def test_a_robots_losses_are_nobodys(tmp_path: Path, site: Site) -> None:
    pipe = MemoryIngest(tmp_path, sites_of(tmp_path, site))
    metrics = Metrics()
    worker = pipe.worker_with(Bounds(poll_seconds=0.0), facts=facts, metrics=metrics)
    page = {"name": "Product Viewed", "props": {"product_id": "p", "price": "?1"}, "source": "snippet"}
    pipe.log.append(records([event("e1", ua="Mozilla/5.0 (compatible; Googlebot/2.1)", **page)]))
    worker.step()
    assert metrics.registry.get_sample_value("dangol_ingest_events_total", {"outcome": "bot"}) == 1
    assert list(metrics.lost_values.collect()[0].samples) == []


def test_an_event_carries_its_losses_through_the_log() -> None:
    one = Event("s", "1", "page", 1, 1, "api", visitor="v", losses=(loss("user", "placeholder", "null"),))
    assert decode(encode(one)) == one
    assert b"losses" not in encode(msgspec.structs.replace(one, losses=()))


@pytest.mark.redis
def test_what_a_quiet_site_lost_is_told_without_another_event(pipe: Pipe) -> None:
    clock, worker = Clock(0.0), pipe.worker()
    worker.losses = LossCounter(pipe.kept, pipe.metrics.lost_values, clock)
    pipe.log.append(records([event("e", 1, **ORDER, props={"revenue": "?"})]))
    while worker.step():
        pass
    assert pipe.told() == {}
    clock.advance(ADD_SECONDS)
    worker.step()
    assert pipe.told()["revenue", "unreadable"].events == 1
    worker.close()
