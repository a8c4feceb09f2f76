"""Events that the tracker refused, through a real Redis log to a worker: dead letters that can be read and erased, and
that displace none about an event that was accepted."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.dead_letters import DeadLetters
from ingest.worker.worker import Bounds, Worker
from profiles.store.memory import MemoryProfiles
from tests.support.ingest_streams import MemoryWarehouse, simple_facts, sites_of
from tests.support.tracker_app import Sent
from tracker.app import Tracker
from tracker.event import RefusedEvent, encode
from tracker.log.open import open_log
from tracker.log.port import EventLog
from tracker.sites import Site

pytestmark = pytest.mark.redis


class Shop:
    """A tracker and a worker on one Redis log."""

    def __init__(self, folder: Path, log: EventLog, site: Site) -> None:
        self.log, self.sites, self.letters = log, sites_of(folder, site), DeadLetters(folder)
        self.warehouse = MemoryWarehouse()
        self.tracker = Tracker(self.sites, self.log)
        self.worker = Worker(
            log=self.log,
            store=MemoryProfiles(),
            warehouse=self.warehouse,
            sites=self.sites,
            facts=simple_facts,
            deadletters=self.letters,
            bounds=Bounds(poll_seconds=0.01, flush_seconds=1e9),
        )

    def send(self, items: list[object]) -> dict[str, object]:
        body = json.dumps({"writeKey": "wk_test", "batch": items}).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/v1/batch",
            "REMOTE_ADDR": "203.0.113.77",
            "CONTENT_LENGTH": str(len(body)),
        }
        answer = asyncio.run(self.tracker.respond(environ, Sent(body)))
        assert answer.status == 200
        return json.loads(answer.body)

    def drain(self) -> None:
        while self.worker.step():
            pass
        self.worker.flush()


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, site: Site) -> Iterator[Shop]:
    log = open_log(f"{redis_url}?stream=refused&shards=2")
    shop = Shop(tmp_path, log, site)
    yield shop
    shop.tracker.close()
    shop.worker.close()
    log.close()


GOOD = {"type": "track", "event": "E", "userId": "u"}


def test_neighbours_are_stored_and_the_bad_event_is_a_dead_letter(shop: Shop) -> None:
    told = shop.send(
        [
            {**GOOD, "messageId": "m1"},
            {**GOOD, "event": "", "userId": 10000001.0},
            7,
            {**GOOD, "messageId": "m2"},
        ]
    )
    assert [each["index"] for each in told["rejected"]] == [1, 2]
    shop.drain()
    assert sorted(row.id for row in shop.warehouse.rows) == ["m1", "m2"]
    letters = shop.letters.list()
    assert [letter.refused for letter in letters] == [True, True]
    assert {letter.key for letter in letters} == {"default:10000001", "default:"}
    assert any("needs an event name" in letter.reason for letter in letters)
    assert shop.letters.replay(shop.log) == 0, "what was refused once would be refused again"
    assert len(shop.letters.list()) == 2
    assert shop.letters.erase("default", [], ["10000001"]) == 1
    assert [letter.key for letter in shop.letters.list()] == ["default:"]


def test_a_stranger_displaces_no_letter_of_an_accepted_event(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, limit=200_000)
    letters.add([letters.letter("a", (0, 1, "default:v", b"{accepted"), "broken")])
    for position in range(40):
        refused = [
            encode(RefusedEvent("why", "default", "segment", 1, sent="x" * 2_000 + str((position, n))))
            for n in range(50)
        ]
        letters.add([letters.letter("a", (1, position, "default:", raw), "why") for raw in refused])
    kept = letters.list()
    assert [letter.raw for letter in kept if not letter.refused] == [b"{accepted"]
    assert 10 < len(kept) < 2_000
    assert sum(path.stat().st_size for path in tmp_path.glob("deadletters*")) < 500_000
