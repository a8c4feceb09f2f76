"""A log that is deleted and made anew, goes back, or loses records: what it takes afterwards is in the warehouse, once.

Ids that were acknowledged are compared with ids in the Delta table, on every backend.
"""

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import pytest
import redis
from kafka import KafkaAdminClient, TopicPartition

from ingest.dead_letters import DeadLetters
from ingest.worker.log_generations import Generations, incident
from ingest.worker.worker import Bounds, Worker, app_of
from profiles.store.memory import MemoryProfiles
from tests.support.ingest_streams import event, records, simple_facts, sites_of
from tests.support.log_reading import append_patiently, remade, wait_until
from tests.support.machine import RedisServer
from tracker.log.open import open_log
from tracker.log.port import EventLog, Extent, LogUnavailable
from tracker.sites import Site as TrackedSite
from warehouse.delta import Warehouse

topics = count()
numbers = count()
APP = app_of("ingest", "log")


@pytest.fixture
def log(log_url: str) -> Iterator[EventLog]:
    with closing(open_log(log_url)) as opened:
        yield opened


@pytest.fixture
def remake(log_url: str, log: EventLog) -> Callable[[], None]:
    return remade(log_url, log)


class Site:
    """An installation's ingest: workers of one warehouse and one profile store."""

    def __init__(self, folder: Path, log: EventLog) -> None:
        self.folder, self.log, self.store = folder, log, MemoryProfiles()
        self.acknowledged: list[str] = []

    def worker(self, flush_seconds: float = 0.1) -> Worker:
        tracked = TrackedSite(id="default", name="default", write_key="wk", secret_key="sk")
        return Worker(
            log=self.log,
            store=self.store,
            warehouse=self.warehouse(),
            sites=sites_of(self.folder, tracked),
            facts=simple_facts,
            deadletters=DeadLetters(self.folder),
            member="w",
            log_name="log",
            bounds=Bounds(poll_seconds=0.05, flush_seconds=flush_seconds),
        )

    def warehouse(self) -> Warehouse:
        return Warehouse(str(self.folder / "warehouse"))

    def append(self, number: int) -> None:
        """Many visitors, one event each, tried again as the tracker's spool does until the log takes them."""
        events = [event(f"e{n}", n, visitor=f"v{n}") for n in (next(numbers) for _ in range(number))]
        for start in range(0, number, 50):
            append_patiently(self.log, records(events[start : start + 50]))
        self.acknowledged += [one.id for one in events]

    def stored(self) -> Counter[str]:
        delta = self.warehouse().events.refresh()
        return Counter(delta.to_pyarrow_table(columns=["id"])["id"].to_pylist() if delta else [])

    def missing(self) -> set[str]:
        return set(self.acknowledged) - self.stored().keys()

    def work(self, until: Callable[[], bool], worker: Worker | None = None, leave: bool = True) -> Worker:
        """Run a worker until a condition holds, half a minute at most."""
        worker = worker or self.worker()
        deadline = time.monotonic() + 30
        while not until() and time.monotonic() < deadline:
            worker.step()
        if leave:
            with suppress(LogUnavailable):
                worker.flush()
            worker.close()
        return worker

    def drain(self) -> Worker:
        return self.work(lambda: not self.missing())

    def assert_exactly_once(self) -> None:
        stored = self.stored()
        assert self.missing() == set()
        assert {name: times for name, times in stored.items() if times != 1} == {}
        events = Counter(
            self.store.find("default", name.replace("e", "v")).counts.events for name in stored
        )  # each visitor sent one
        assert events == {1: len(stored)}

    def incident(self) -> tuple[int, int] | None:
        found = incident(self.warehouse(), APP, 0)
        return (found.partitions, found.lost) if found else None


@pytest.fixture
def site(tmp_path: Path, log: EventLog) -> Site:
    return Site(tmp_path, log)


@pytest.mark.parametrize(("before", "after"), [(700, 100), (100, 700)])
def test_a_log_made_anew_while_no_worker_runs_is_read_from_its_start(
    site: Site, remake: Callable[[], None], before: int, after: int
) -> None:
    site.append(before)
    site.drain()
    assert site.incident() is None
    remake()
    site.append(after)
    worker = site.drain()
    site.assert_exactly_once()
    assert site.incident() == (4, 0)
    assert worker.metrics.log_replaced._value.get() == 4
    wait_until(lambda: site.log.lag("ingest") == 0)
    assert site.drain().metrics.log_replaced._value.get() == 0  # told once
    site.assert_exactly_once()


@pytest.mark.parametrize(("before", "after"), [(700, 100), (100, 700)])
def test_a_log_made_anew_under_a_running_worker_is_read_from_its_start(
    site: Site, remake: Callable[[], None], before: int, after: int
) -> None:
    """What the worker had read of the old one and not yet stored is stored."""
    site.append(before)
    worker = site.worker(flush_seconds=1e9)
    site.work(lambda: worker.outbox.rows >= before, worker, leave=False)
    assert site.missing()
    remake()
    site.append(after)
    worker.bounds = Bounds(poll_seconds=0.05, flush_seconds=0.1)
    site.work(lambda: not site.missing(), worker)
    site.assert_exactly_once()
    assert site.incident() == (4, 0)


def test_a_log_may_be_made_anew_again_and_again(site: Site, remake: Callable[[], None]) -> None:
    for number in (200, 150, 100):
        site.append(number)
        site.drain()
        site.assert_exactly_once()
        remake()
    site.append(50)
    site.drain()
    site.assert_exactly_once()


def test_what_the_last_release_stored_is_adopted(site: Site) -> None:
    """Its positions were counted without an identity, and are stored, but not committed in the log."""
    site.append(300)
    dying = site.worker(flush_seconds=1e9)
    dying.outbox.generations.of = lambda taken: dict.fromkeys(taken, OLD)  # type: ignore[method-assign]
    site.work(lambda: dying.outbox.rows >= 300, dying, leave=False)
    dying.outbox.commit = lambda _: None
    dying.flush()
    dying.close()
    assert site.log.lag("ingest") > 200  # Tansu counts the last batch as one
    site.append(100)
    site.drain()
    site.assert_exactly_once()
    assert site.incident() is None


OLD = Generations(APP, None).named(0)  # type: ignore[arg-type]


# The count of positions, by itself


@pytest.fixture
def counts(tmp_path: Path) -> Callable[[], Generations]:
    return lambda: Generations(APP, Warehouse(str(tmp_path / "w")), clock=lambda: next(numbers) + 1e6)


def test_an_identity_seen_before_counts_where_it_did(counts: Callable[[], Generations]) -> None:
    first = counts().of({0: Extent("a", 5), 1: Extent("a", 5)})
    second = counts().of({0: Extent("b", 5), 1: Extent("a", 5)})
    assert first[1] == second[1]
    assert first[0].app == APP != second[0].app
    assert counts().of({0: Extent("b", 5)})[0] == second[0]
    assert counts().of({0: Extent("a", 9)})[0] == first[0]


def test_a_log_that_ends_before_its_positions_begins_a_count_at_its_end(
    counts: Callable[[], Generations], tmp_path: Path
) -> None:
    before = counts().of({0: Extent("a", 5)})[0]
    warehouse = Warehouse(str(tmp_path / "w"))
    warehouse.positions(before.app)
    warehouse.append([], [], {(before.app, 0): 5})
    assert counts().of({0: Extent("a", 5)})[0] == before
    after = counts().of({0: Extent("a", 3)})[0]
    assert (after.app != before.app, after.floor) == (True, 3)
    again = counts().of({0: Extent("a", 3)})[0]
    assert (again.app, again.floor) == (after.app, -1)  # what was read before is known to be stored
    assert Warehouse(str(tmp_path / "w")).positions(again.app) == {0: 3}
    found = incident(warehouse, APP, 0)
    assert found and found.partitions == 1


def test_lost_records_are_counted_together(counts: Callable[[], Generations], tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "w"))
    counts().of({0: Extent("a", 5, 3), 1: Extent("a", 5)})
    counts().of({0: Extent("a", 5, 4), 1: Extent("a", 5, 1)})
    found = incident(warehouse, APP, 0)
    assert found and (found.partitions, found.lost) == (0, 8)
    assert incident(warehouse, APP, found.at + 1) is None


# What only Redis does


@pytest.fixture
def own(own_redis: RedisServer, tmp_path: Path) -> Iterator[Site]:
    with closing(open_log(own_redis.url + "?lease=1")) as log:
        folder = tmp_path / "site"
        folder.mkdir()
        yield Site(folder, log)


@pytest.mark.redis
@pytest.mark.parametrize("running", [False, True])
def test_flushall(own: Site, own_redis: RedisServer, running: bool) -> None:
    own.append(300)
    worker = own.worker()
    own.work(lambda: not own.missing(), worker, leave=not running)
    with closing(redis.Redis.from_url(own_redis.url)) as client:
        client.flushall()
    own.append(200)
    own.work(lambda: not own.missing(), worker if running else None)
    own.assert_exactly_once()
    assert own.incident() == (4, 0)


@pytest.mark.redis
def test_one_shard_deleted(own: Site, own_redis: RedisServer) -> None:
    own.append(300)
    own.drain()
    with closing(redis.Redis.from_url(own_redis.url)) as client:
        client.delete("events:2")
    own.append(200)
    assert own.log.lag("ingest") == 200
    own.drain()
    own.assert_exactly_once()
    assert own.incident() == (1, 0)
    assert own.log.lag("ingest") == 0


@pytest.mark.redis
@pytest.mark.parametrize("running", [False, True])
def test_redis_started_again_with_an_older_state(own: Site, own_redis: RedisServer, running: bool) -> None:
    """The last state before a loss: a copy of the append-only file, as a backup or a replica has it."""
    own.append(200)
    own.drain()
    own.append(100)
    own_redis.kill(signal.SIGTERM)
    written, backup = own_redis.folder / "appendonlydir", own_redis.folder / "backup"
    shutil.copytree(written, backup)
    own_redis.start()
    own.append(100)
    worker = own.worker()
    own.work(lambda: not own.missing(), worker, leave=not running)
    own.append(50)
    lost = own.acknowledged[-50:]
    if running:
        own.work(lambda: not own.missing(), worker, leave=False)
    own_redis.kill()
    shutil.rmtree(written)
    shutil.copytree(backup, written)
    own_redis.start()
    if not running:
        own.acknowledged = [name for name in own.acknowledged if name not in lost]
    worker = worker if running else own.worker()
    stop = time.monotonic() + 3
    own.work(lambda: time.monotonic() > stop, worker, leave=False)
    own.append(150)
    own.work(lambda: not own.missing(), worker)
    own.assert_exactly_once()
    found = own.incident()
    assert found is not None and found[0] > 0


@pytest.mark.redis
def test_entries_that_somebody_trimmed_unread_are_counted(own: Site, own_redis: RedisServer) -> None:
    own.append(100)
    own.drain()
    own.append(200)
    with closing(redis.Redis.from_url(own_redis.url)) as client:
        before = [client.xlen(f"events:{shard}") for shard in range(4)]
        for shard in range(4):
            client.xtrim(f"events:{shard}", maxlen=20, approximate=False)
    gone = sum(before) - 80
    worker = own.worker()
    own.work(lambda: len(own.stored()) >= 300 - gone, worker, leave=False)
    assert own.incident() == (0, gone)
    assert worker.metrics.log_lost._value.get() == gone
    own.append(200)  # and while a worker runs: read by nobody yet, trimmed behind its back
    with closing(redis.Redis.from_url(own_redis.url)) as client:
        before = [client.xlen(f"events:{shard}") for shard in range(4)]
        client.xtrim("events:0", maxlen=1, approximate=False)
    own.work(lambda: own.log.lag("ingest") == 0, worker)
    assert own.incident() == (0, gone + before[0] - 1)
    assert own.log.lag("ingest") == 0
    assert set(own.stored().values()) == {1}


# What only Kafka does


@pytest.mark.kafka
def test_records_that_retention_took_unread_are_counted(
    pytestconfig: pytest.Config, kafka_url: str, tmp_path: Path
) -> None:
    if not pytestconfig.getoption("--apache-kafka"):
        pytest.skip("Tansu deletes no records: make test-kafka")
    name = f"remade-{next(topics)}"
    with closing(open_log(f"{kafka_url}/{name}?session=2&partitions=1")) as log:
        site = Site(tmp_path, log)
        site.append(100)
        site.drain()
        site.append(100)
        address = kafka_url.removeprefix("kafka://")
        with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
            admin.delete_records({TopicPartition(name, 0): 170})
        worker = site.worker()
        site.work(lambda: len(site.stored()) >= 130, worker, leave=False)
        assert site.incident() == (0, 70)
        worker.close()
        assert set(site.stored().values()) == {1}
