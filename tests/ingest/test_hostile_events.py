"""Any JSON, through every protocol and the real adapters, to a worker on a real Redis and a real warehouse: applied or
set aside, and neighbours in the same batch arrive."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ingest.dead_letters import DeadLetters
from ingest.enrich import enrich
from ingest.worker.worker import Bounds, Worker
from profiles.redis.store import RedisProfiles
from tests.support.hostile import Sent, holed, request
from tests.support.ingest_streams import event, records, sites_of
from tests.support.machine import Clock
from tests.support.tracker_app import Sent as Body
from tracker.app import Tracker
from tracker.event import REFUSED, decode
from tracker.log.memory import MemoryLog
from tracker.sites import Site
from tracker.values import fits
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

pytestmark = pytest.mark.redis

REQUESTS, NEIGHBOURS = 25, 5

ANY = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**70), 2**70)
    | some.floats(allow_nan=False)
    | some.text(some.sampled_from("a\0\ud800\U0001f600")),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(some.characters()), inner),
    max_leaves=20,
)


class Shop:
    """A tracker and a worker on it."""

    def __init__(self, folder: Path, redis_url: str, site: Site, clock: Clock) -> None:
        self.log, self.clock = MemoryLog("memory://?partitions=2"), clock
        self.sites, self.letters = sites_of(folder, site), DeadLetters(folder)
        self.warehouse, self.store = Warehouse(str(folder / "warehouse")), RedisProfiles(redis_url)
        self.tracker = Tracker(self.sites, self.log, clock=clock)
        self.worker = Worker(
            log=self.log,
            store=self.store,
            warehouse=Warehouse(str(folder / "warehouse")),
            sites=self.sites,
            facts=enrich.facts,
            deadletters=self.letters,
            bounds=Bounds(batch=1_000, poll_seconds=0.0, flush_seconds=0.0),
            clock=clock,
        )
        self.number = 0

    def close(self) -> None:
        self.worker.close()
        self.tracker.close()
        self.store.close()

    def send(self, sent: Sent) -> int:
        parts = urlsplit(sent.path)
        environ = {
            "REQUEST_METHOD": sent.method,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REMOTE_ADDR": "203.0.113.7",
            "HTTP_HOST": "t.example",
            "wsgi.url_scheme": "http",
            "CONTENT_LENGTH": str(len(sent.body or b"")),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.headers.items()},
        }
        return asyncio.run(self.tracker.respond(environ, Body(sent.body or b""))).status

    def neighbour(self) -> str:
        self.number += 1
        made = event(f"neighbour{self.number}", self.number, f"n{self.number % 4}", name="Product Viewed")
        self.log.append(records([made]))
        return made.id

    def work(self) -> None:
        """Whatever this raises would have ended the process."""
        while self.worker.step():
            pass
        self.worker.flush()

    def held(self) -> Counter[str]:
        rows = self.warehouse.rows("select id from events", Scope("default", bots=True))
        return Counter(row["id"] for row in rows)


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Any:
    made = Shop(tmp_path, redis_url, site, clock)
    yield made
    made.close()


def everything_is_somewhere(shop: Shop, neighbours: list[str]) -> None:
    """Each event of the log is a row, a dead letter, or what another event of the same id was before it."""
    sent = list(shop.log.reread())
    assert len(sent) >= len(neighbours)
    shop.work()
    assert shop.log.lag("ingest") == 0
    held = shop.held()
    assert [held[name] for name in neighbours] == [1] * len(neighbours)
    buried = {letter.raw for letter in shop.letters.list()}
    for message in sent:
        if message.value not in buried:
            assert held[msgspec.json.decode(message.value)["id"]] >= 1
        if message.value.startswith(REFUSED):
            continue
        made = decode(message.value)
        texts = [made.name, made.url, made.title, made.referrer, made.ua, made.lang, made.screen]
        assert all(map(fits, (made.props, made.traits, made.context, *texts))), (
            "it was not settled at the door"
        )


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(some.integers(0, 2**32))
def test_hostile_requests_are_applied_or_set_aside(shop: Shop, number: int) -> None:
    draw, neighbours = Random(number), []
    for at in range(REQUESTS):
        if at % (REQUESTS // NEIGHBOURS) == 0:
            neighbours.append(shop.neighbour())
        assert shop.send(request(draw, "wk_test", "default")) < 500
    everything_is_somewhere(shop, neighbours)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(some.lists(ANY, min_size=6, max_size=6))
@pytest.mark.slow
def test_any_json_is_applied_or_set_aside(shop: Shop, anything: list[Any]) -> None:
    """As properties, traits and context; as an entity of Snowplow's, and as the items of a Matomo order."""
    neighbours = [shop.neighbour()]
    made = [json.dumps(each).replace("Infinity", "1e999") for each in anything]
    item = '{"writeKey":"wk_test","anonymousId":"h1","userId":"h2","event":"Order Completed"'
    objects = [f'{{"a":{text},"products":[{text}],"price":{text},"interests":{text}}}' for text in made]
    for kind in ("track", "identify", "group"):
        parts = f'"properties":{objects[0]},"traits":{objects[1]},"context":{objects[2]}'
        assert shop.send(Sent("POST", f"/v1/{kind}", {}, f"{item},{parts}}}".encode())) < 500
    neighbours.append(shop.neighbour())
    entity = f'{{"data":[{{"schema":"iglu:a/product/jsonschema/1","data":{objects[3]}}}]}}'
    outer = f'{{"data":{{"schema":"iglu:a/add_to_cart/jsonschema/1","data":{objects[4]}}}}}'
    told = {"e": "ue", "aid": "wk_test", "duid": "h3", "ue_pr": outer, "co": entity}
    assert (
        shop.send(
            Sent("POST", "/com.snowplowanalytics.snowplow/tp2", {}, json.dumps({"data": [told]}).encode())
        )
        < 500
    )
    lines = quote(f"[[{made[5]},{made[4]},{made[3]},{made[2]},{made[1]}]]", errors="replace")
    query = f"idsite=default&rec=1&_id=0123456789abcdef&idgoal=0&ec_id=o1&revenue=5&ec_items={lines}"
    assert shop.send(Sent("GET", f"/matomo.php?{query}", {})) < 500
    neighbours.append(shop.neighbour())
    everything_is_somewhere(shop, neighbours)


def test_the_mutations_are_many_and_the_same_every_time() -> None:
    one, other = ([request(Random(n), "k", "s") for n in range(300)] for _ in range(2))
    assert one == other
    assert len({(sent.path, sent.body) for sent in one}) == 300
    assert len({holed(Random(n), {"a": {"b": [1, "x"]}}) for n in range(300)}) > 60
