"""Worker processes killed at random moments, on a real log, Redis and Delta tables: counts are exact."""

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from deltalake import DeltaTable

from profiles.fold.sessions import Hit, place
from profiles.ids import owner_of
from profiles.redis.store import RedisProfiles
from profiles.session_rules import SessionRules
from tests.support.event_stream import stream
from tests.support.ingest_streams import records, sites_of
from tests.support.kafka_broker import KafkaBroker
from tests.support.killed_workers import Workers
from tests.support.machine import RedisServer
from tracker.event import Event
from tracker.log.open import open_log
from tracker.log.port import EventLog, LogUnavailable
from tracker.sites import Site

SHORT, LONG = 12_000, 250_000


class Expected:
    """The counts computed from what was sent, by sorting: no batches, no store, no worker."""

    def __init__(self, sent: list[Event]) -> None:
        unique = {one.id: one for one in sent}
        by_visitor: dict[str, list[Event]] = defaultdict(list)
        for one in sorted(unique.values(), key=lambda one: one.ts):
            by_visitor[one.visitor or ""].append(one)
        self.events = {visitor: len(events) for visitor, events in by_visitor.items()}
        self.sessions: Counter[str] = Counter()
        self.visits: dict[str, int] = {}
        for visitor, events in by_visitor.items():
            sessions: list = []
            owner = owner_of("default", visitor)
            self.visits[visitor] = sum(
                place(sessions, owner, Hit(one.ts), SessionRules()).started for one in events
            )
            self.sessions.update({session.id: session.events for session in sessions})


def backlog(log: EventLog) -> int:
    try:
        return log.lag("ingest")
    except LogUnavailable:
        return 1 << 30


def restart(server: RedisServer | KafkaBroker) -> None:
    server.kill()
    server.start()


def kill_run(
    log_url: str,
    server: RedisServer,
    folder: Path,
    site: Site,
    count: int,
    kills: int,
    restarts: Sequence[RedisServer | KafkaBroker] = (),
) -> None:
    """``restarts``: what is killed and started again meanwhile, each as often as it is named, in that order."""
    falling = list(restarts)
    draw = random.Random(os.environ.get("DANGOL_TEST_SEED", "5"))
    sites_of(folder, site)
    sent = list(stream(count, count // 40, draw))
    log = open_log(log_url)
    log.consumer("ingest", "w0").close()
    workers = Workers(log_url, server.url, folder, 2)
    try:
        portions = max(kills, 10)
        size = -(-len(sent) // portions)
        for number in range(portions):
            while True:
                try:
                    log.append(records(sent[number * size : (number + 1) * size]))
                    break
                except LogUnavailable:  # appended or not: a retry is what event ids are for
                    time.sleep(0.1)
            time.sleep(draw.random() * 0.5)
            if workers.kills < kills:
                workers.kill_one(draw)
            if number % 7 == 5 and falling:
                restart(falling.pop(0))
        deadline = time.monotonic() + 60 + count / 500
        while backlog(log) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert backlog(log) == 0
        workers.stop()
    finally:
        for process in workers.running.values():
            process.kill()
            process.wait(10)
        log.close()
    assert workers.kills == kills
    check(Expected(sent), RedisProfiles(server.url), folder)


def check(expected: Expected, store: RedisProfiles, folder: Path) -> None:
    rows = DeltaTable(str(folder / "warehouse" / "events")).to_pyarrow_table().to_pylist()
    names = DeltaTable(str(folder / "warehouse" / "aliases")).to_pyarrow_table().sort_by("ts").to_pylist()
    renamed = {row["old"]: row["new"] for row in names if row["kind"] == "session"}

    def current(session: str) -> str:
        while session in renamed:
            session = renamed[session]
        return session

    assert Counter(row["visitor"] for row in rows) == expected.events
    assert set(Counter(row["id"] for row in rows).values()) == {1}
    assert Counter(current(row["session"]) for row in rows) == expected.sessions
    found_events: dict[str, set[int]] = defaultdict(set)
    found_visits: dict[str, set[int]] = defaultdict(set)
    for profile in store.scan("default"):  # a browser that claims, and the customer, hold the same
        (visitor,) = profile.visitors or profile.claimants
        found_events[visitor].add(profile.counts.events)
        found_visits[visitor].add(profile.counts.visits)
    assert found_events == {visitor: {count} for visitor, count in expected.events.items()}
    assert found_visits == {visitor: {count} for visitor, count in expected.visits.items()}
    assert store.count("default") == len(expected.events)
    assert any(profile.feeds_customer for profile in store.scan("default"))
    store.close()


@pytest.mark.redis
@pytest.mark.slow
def test_counts_are_exact_though_workers_are_killed(
    own_redis: RedisServer, tmp_path: Path, site: Site
) -> None:
    kill_run(f"{own_redis.url}?stream=events&lease=1", own_redis, tmp_path, site, SHORT, 8, [own_redis])


@pytest.mark.redis
@pytest.mark.soak
def test_counts_are_exact_over_a_long_run(own_redis: RedisServer, tmp_path: Path, site: Site) -> None:
    kill_run(f"{own_redis.url}?stream=events&lease=2", own_redis, tmp_path, site, LONG, 40, [own_redis] * 3)


def kafka_run(
    broker: KafkaBroker, server: RedisServer, folder: Path, site: Site, count: int, kills: int
) -> None:
    """A broker that forgets everything when it is started again proves nothing: only Apache Kafka is restarted."""
    falling = [broker, server, broker] if broker.keeps_data else [server]
    kill_run(f"{broker.url}/events?session=2&timeout=1", server, folder, site, count, kills, falling)


@pytest.mark.redis
@pytest.mark.kafka
@pytest.mark.slow
def test_counts_are_exact_on_kafka_though_workers_are_killed(
    own_kafka: KafkaBroker, own_redis: RedisServer, tmp_path: Path, site: Site
) -> None:
    kafka_run(own_kafka, own_redis, tmp_path, site, SHORT, kills=8)


@pytest.mark.redis
@pytest.mark.kafka
@pytest.mark.soak
def test_counts_are_exact_on_kafka_over_a_long_run(
    own_kafka: KafkaBroker, own_redis: RedisServer, tmp_path: Path, site: Site
) -> None:
    kafka_run(own_kafka, own_redis, tmp_path, site, LONG, kills=40)
