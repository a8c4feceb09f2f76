"""Profiles on Redis Cluster: ids of one person lie on different nodes, and no step may need two of them."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from dangol import compose
from dangol.settings import load
from ingest.worker.worker import Bounds, Worker
from offers.audience.visitor import View
from offers.campaign.campaign import Cap
from offers.decision.caps import CapRequest, CapStore
from profiles.erasures import RedisErased
from profiles.fold import fold
from profiles.model import Profile
from profiles.redis.store import RedisProfiles
from profiles.sansio import run_sync
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ABSENT, ProfileStore, ProfilesUnavailable, Write
from recommender.catalogue.item import Item
from recommender.jobs.lock import RedisLock
from tests.support.event_stream import stream
from tests.support.ingest_streams import (
    START,
    MemoryIngest,
    event,
    facts_of,
    records,
    sites_of,
)
from tests.support.redis_cluster import RedisCluster
from tracker.event import Event
from tracker.redis_connection import connect
from tracker.sites import Site

pytestmark = [pytest.mark.redis]
SITE = "default"


@pytest.fixture
def store(cluster: RedisCluster) -> Iterator[RedisProfiles]:
    found = RedisProfiles(cluster.url)
    found.client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    yield found
    found.close()


class Counted(MemoryIngest):
    """What workers make of events, on a store."""

    def __init__(self, store: ProfileStore, folder: Path, site: Site, partitions: int = 1) -> None:
        super().__init__(folder, sites_of(folder, site), partitions, store)

    def worker(self, member: str = "w") -> Worker:
        return self.worker_with(Bounds(batch=120, poll_seconds=0.01, flush_seconds=0.05), member=member)

    def run(self, events: list[Event], workers: int = 1) -> None:
        self.log.append(records(events))
        stop = threading.Event()
        threads = [threading.Thread(target=self.worker(f"w{n}").run, args=(stop,)) for n in range(workers)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 120
        while self.log.lag("ingest") and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
        assert self.log.lag("ingest") == 0


def everybody(store: ProfileStore) -> list[tuple[object, ...]]:
    """In short, and trimmed: how far back a profile knows its sessions depends on when it was saved last."""
    found = sorted(store.scan(SITE), key=lambda one: one.id)
    for one in found:
        fold.trim(one)
    return [facts_of(one) for one in found]


def people(count: int, seed: int) -> list[Event]:
    """Visitors with retries and late events, of whom some sign in, some under an id that another one uses, too."""
    draw, events = random.Random(seed), list(stream(count, count // 30, random.Random(seed)))
    for number in range(count // 25):
        who = draw.randrange(count // 30)
        sign_in = event(
            f"i{number}",
            draw.random() * 3_000,
            f"v{who}",
            f"u{who % 7}",
            type="identify",
            received=START + 10**9 + count + number,
        )
        events.append(sign_in)
    return events


def test_counts_sessions_and_merges_are_those_of_one_store(
    store: RedisProfiles, tmp_path: Path, site: Site
) -> None:
    events = people(1_500, 3)
    one, many = Counted(MemoryProfiles(), tmp_path, site), Counted(store, tmp_path, site)
    one.run(events)
    many.run(events)
    assert everybody(store) == everybody(one.store)
    assert {store.find(SITE, f"v{n}").id for n in range(50)} == {
        one.store.find(SITE, f"v{n}").id for n in range(50)
    }
    assert store.count(SITE) == len(list(store.people(SITE)))
    sizes = [redis.Redis(port=int(node.port)).dbsize() for node in store.client.get_primaries()]
    assert min(sizes) > 0  # the ids of one person are on several nodes


def test_two_workers_merge_at_once_and_count_each_event_once(
    store: RedisProfiles, tmp_path: Path, site: Site
) -> None:
    here = Counted(store, tmp_path, site, partitions=4)
    events = people(1_500, 4)
    here.run(events, workers=2)
    ids = {one.id for one in events}
    assert {row.id for row in here.warehouse.rows} == ids and len(here.warehouse.rows) == len(ids)
    assert sum(profile.counts.events for profile in store.people(SITE)) == len(ids)


def test_a_node_that_lost_its_scripts_gets_them_again(
    store: RedisProfiles, tmp_path: Path, site: Site
) -> None:
    here = Counted(store, tmp_path, site)
    here.run([event(str(n), n, f"v{n}") for n in range(30)])
    for node in store.client.get_primaries():
        redis.Redis(port=int(node.port)).script_flush()
    here.run([event(f"again{n}", n, f"v{n}") for n in range(30)])
    assert sum(profile.counts.events for profile in store.scan(SITE)) == 60


def test_caps_hold_and_follow_a_visitor_who_signs_in(
    cluster: RedisCluster, store: RedisProfiles, site: Site
) -> None:
    caps = CapStore(cluster.url, timeout=3.0)
    ask = [[CapRequest("k", (Cap(limit=2, per="day"),))]]
    visitor = View(Profile("v:a1", visitors=["a1"]), START, site)
    assert [run_sync(caps.take(SITE, visitor, ask))[0].shown for _ in range(2)] == [0, 0]
    customer = View(Profile("u:kim", visitors=["a1", "b2"], user="kim"), START, site)
    assert run_sync(caps.take(SITE, customer, ask))[0].shown is None
    caps.forget(SITE, "u:kim")
    assert run_sync(caps.take(SITE, customer, ask))[0].shown == 0


def test_erasure_and_its_marks(store: RedisProfiles, tmp_path: Path, site: Site) -> None:
    here = Counted(store, tmp_path, site)
    here.run([event("1", 0), event("2", 1, "a1", "kim", type="identify")])
    erased = RedisErased(store.client)
    erased.mark(SITE, ["v:a1", "u:kim"], START)
    assert erased.cutoffs(SITE).cover(SITE, ["u:kim"], START)
    assert sorted(store.erase(SITE, "v:a1")) == ["u:kim", "v:a1"]
    assert store.count(SITE) == 0
    erased.rewrite()


def test_a_cluster_that_is_away_says_so_and_comes_back(tmp_path: Path) -> None:
    nodes = RedisCluster(tmp_path)
    store = RedisProfiles(nodes.url, timeout=1.0)
    erased = RedisErased(store.client)
    store.save(SITE, [Write(f"v:{n}", ABSENT, Profile(f"v:{n}")) for n in range(40)])
    calls: list[Callable[[], object]] = [
        lambda: store.load(SITE, [f"v:{n}" for n in range(40)]),
        lambda: store.save(SITE, [Write(f"v:{n}", ABSENT, Profile(f"v:{n}")) for n in range(40, 80)]),
        lambda: store.touch(SITE, ["v:1", "v:2", "v:3"]),
        lambda: store.count(SITE),
        lambda: erased.cutoffs(SITE),
        lambda: RedisProfiles(nodes.url),
    ]
    nodes.stop()
    for call in [*calls, *calls]:  # the second time its client knows that nobody answers
        with pytest.raises(ProfilesUnavailable):
            call()
    nodes.start()
    deadline = time.monotonic() + 60
    while True:
        try:
            assert (
                len([one for one in store.load(SITE, [f"v:{n}" for n in range(40)]).values() if one.profile])
                == 40
            )
            break
        except ProfilesUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    nodes.stop()
    store.close()


def test_an_installation_keeps_items_and_locks_there(cluster: RedisCluster, tmp_path: Path) -> None:
    config = load({"DANGOL_DATA": str(tmp_path), "DANGOL_PROFILES": cluster.url})
    items = compose.catalogue(config, SITE)
    items.put([Item(id="p1", name="Shoe", price=9.5)])
    assert [item.id for item in compose.catalogue(config, SITE).all()] == ["p1"]
    client = connect(config.profiles_uri, 3.0)
    first, second = RedisLock(client, "train", 30.0), RedisLock(client, "train", 30.0)
    assert (first.take(), second.take(), first.release(), second.take()) == (True, False, True, True)
    client.close()
