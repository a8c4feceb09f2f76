"""The worker against logs, stores and warehouses that fail at every step."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.worker.worker import Bounds, Worker
from profiles.store.port import ProfilesUnavailable
from tests.support.ingest_streams import (
    START,
    MemoryIngest,
    MemoryWarehouse,
    event,
    records,
    sites_of,
    tally,
)
from tests.support.machine import Clock
from tracker.durations import MINUTE_MS
from tracker.log.port import LogUnavailable, Record
from tracker.sites import Site
from warehouse.delta import RowsInvalid, WarehouseUnavailable

QUICK = Bounds(batch=50, poll_seconds=0.0, flush_seconds=0.0)


class Setup(MemoryIngest):
    """One installation in memory, and workers on it."""

    def __init__(self, folder: Path, site: Site, clock: Clock, partitions: int = 4) -> None:
        super().__init__(folder, sites_of(folder, site), partitions)
        self.clock = clock
        self.workers = 0

    def worker(self, bounds: Bounds = QUICK, **other: Any) -> Worker:
        self.workers += 1
        return self.worker_with(bounds, member=f"w{self.workers}", clock=self.clock, **other)

    def drain(self, worker: Worker) -> None:
        while worker.step():
            pass
        worker.flush()


@pytest.fixture
def setup(tmp_path: Path, site: Site, clock: Clock) -> Setup:
    return Setup(tmp_path, site, clock)


def test_events_reach_profiles_and_warehouse(setup: Setup) -> None:
    setup.log.append(
        records(
            [
                event("1", 0),
                event("2", 1, name="Product Viewed", props={"product_id": "p1", "category": "shoes"}),
                event("3", 50),
                event("4", 0, visitor="b2"),
            ]
        )
    )
    setup.drain(setup.worker())
    profile = setup.store.find("default", "a1")
    assert profile is not None
    assert (profile.counts.events, profile.counts.visits, profile.counts.pageviews) == (3, 2, 2)
    assert [(item.item, item.kind) for item in profile.items] == [("p1", "view")]
    assert profile.affinities.keys() == {"shoes"}
    assert tally(setup.warehouse.rows) == Counter("1234")
    assert len({row.session for row in setup.warehouse.rows}) == 3
    assert setup.log.lag("ingest") == 0


def test_a_retry_counts_once_and_has_no_row(setup: Setup) -> None:
    setup.log.append(records([event("1", 0), event("2", 1), event("1", 0, received=START + 5 * MINUTE_MS)]))
    worker = setup.worker()
    setup.drain(worker)
    setup.log.append(records([event("2", 1, received=START + 23 * 60 * MINUTE_MS)]))
    setup.drain(worker)
    assert tally(setup.warehouse.rows) == Counter("12")
    assert setup.store.find("default", "a1").counts.events == 2
    assert worker.metrics.duplicates._value.get() == 2


def test_a_worker_that_dies_before_the_flush_is_replayed_exactly(setup: Setup) -> None:
    sent = [event("1", 0), event("2", 1), event("1", 2), event("3", 50)]
    setup.log.append(records(sent))
    lazy = setup.worker(Bounds(batch=2, poll_seconds=0.0, flush_seconds=1e9))
    while lazy.step():
        pass
    lazy.close()  # its rows die with it
    assert setup.warehouse.rows == []
    before = setup.store.find("default", "a1")
    second = setup.worker()
    setup.drain(second)
    assert tally(setup.warehouse.rows) == Counter("123")
    assert setup.store.find("default", "a1") == before
    assert second.metrics.replays._value.get() == 3
    sessions = {row.id: row.session for row in setup.warehouse.rows}
    assert [sessions[one] for one in "123"] == [
        before.sessions[0].id,
        before.sessions[0].id,
        before.sessions[1].id,
    ]


def test_a_worker_that_dies_between_flush_and_commit_stores_nothing_twice(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.log.append(records([event(str(n), n) for n in range(10)]))
    worker = setup.worker(Bounds(batch=50, poll_seconds=0.0, flush_seconds=1e9))
    worker.step()
    monkeypatch.setattr(worker.prefetcher._consumer, "commit", lambda positions: None)
    worker.flush()
    worker.close()
    assert setup.log.lag("ingest") == 10
    setup.drain(setup.worker())
    assert set(tally(setup.warehouse.rows).values()) == {1}
    assert setup.store.find("default", "a1").counts.events == 10


def test_a_worker_thought_dead_stores_nothing_that_its_successor_stored(setup: Setup) -> None:
    setup.log.append(records([event(str(n), n, visitor=f"v{n % 7}") for n in range(40)]))
    zombie = setup.worker(Bounds(batch=100, poll_seconds=0.0, flush_seconds=1e9))
    zombie.step()
    zombie.prefetcher._consumer.close()  # the group gave its partitions away; it does not know
    setup.drain(setup.worker())
    zombie.flush()
    assert set(tally(setup.warehouse.rows).values()) == {1}
    assert len(setup.warehouse.rows) == 40


def test_two_workers_and_a_rebalance(setup: Setup) -> None:
    first = setup.worker(Bounds(batch=10, poll_seconds=0.0, flush_seconds=1e9))
    setup.log.append(records([event(str(n), n, visitor=f"v{n % 9}") for n in range(60)]))
    first.step()
    first.step()
    second = setup.worker()
    setup.drain(second)
    setup.drain(first)
    setup.drain(second)
    assert len(setup.warehouse.rows) == 60
    assert set(tally(setup.warehouse.rows).values()) == {1}
    assert sum(p.counts.events for p in setup.store.scan("default")) == 60


def test_what_cannot_be_decoded_or_applied_is_kept_and_can_be_replayed(setup: Setup) -> None:
    good = event("1")
    setup.log.append([Record("default:a1", b"{nonsense"), *records([event("2", site="elsewhere"), good])])
    worker = setup.worker()
    setup.drain(worker)
    letters = setup.deadletters.list()
    assert tally(setup.warehouse.rows) == Counter("1")
    assert len(letters) == 2
    assert "no site 'elsewhere'" in letters[1].reason
    assert setup.deadletters.show(letters[0].id).raw == b"{nonsense"
    setup.sites.save(Site(id="elsewhere", write_key="wk_2", secret_key="sk_2"))
    assert setup.deadletters.replay(setup.log, [letters[1].id]) == 1
    assert [letter.id for letter in setup.deadletters.list()] == [letters[0].id]
    setup.drain(worker)
    assert tally(setup.warehouse.rows) == Counter("12")


def test_an_event_that_breaks_the_fold_blocks_nobody(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    from profiles.fold import fold

    apply = fold.apply

    def fragile(profile, event, *rest):
        if event.id == "poison":
            profile.counts.events += 100
            raise ZeroDivisionError("by a hostile price")
        return apply(profile, event, *rest)

    monkeypatch.setattr(fold, "apply", fragile)
    setup.log.append(records([event("1"), event("poison", 1), event("2", 2)]))
    setup.drain(setup.worker())
    assert tally(setup.warehouse.rows) == Counter("12")
    assert setup.store.find("default", "a1").counts.events == 2
    assert "hostile price" in setup.deadletters.list()[0].reason


def test_a_row_that_no_column_can_hold_becomes_a_dead_letter(setup: Setup) -> None:
    class Strict(MemoryWarehouse):
        def append(self, rows, aliases, positions):
            bad = {index: "too odd" for index, row in enumerate(rows) if row.id == "odd"}
            if bad:
                raise RowsInvalid(bad)
            super().append(rows, aliases, positions)

    setup.log.append(records([event("1"), event("odd", 1), event("2", 2)]))
    setup.drain(setup.worker(warehouse=Strict(setup.warehouse)))
    assert tally(setup.warehouse.rows) == Counter("12")
    assert [letter.reason for letter in setup.deadletters.list()] == ["cannot be stored: too odd"]


def test_who_opted_out_has_rows_and_a_visit_of_the_day_but_no_profile(setup: Setup) -> None:
    hits = [event(name, visitor="~day", context={"cookieless": True}) for name in ("1", "2", "1")]
    setup.log.append(records(hits))
    setup.worker().step()
    assert [(row.id, row.profile, row.session) for row in setup.warehouse.rows] == [
        ("1", "v:~day", "~day"),
        ("2", "v:~day", "~day"),
    ]
    assert setup.store.count("default") == 0


def test_a_bot_s_retry_counts_once(setup: Setup) -> None:
    setup.log.append(records([event("1", ua="somebot/1.0"), event("1", ua="somebot/1.0")]))
    setup.worker().step()
    assert [row.id for row in setup.warehouse.rows] == ["1"]


def test_bots_have_rows_and_no_profile(setup: Setup) -> None:
    setup.log.append(records([event("1", ua="somebot/1.0"), event("2", visitor="human")]))
    setup.drain(setup.worker())
    assert {row.id: row.bot for row in setup.warehouse.rows} == {"1": True, "2": False}
    assert setup.store.find("default", "a1") is None


def test_stores_that_are_away_for_a_while_cost_nothing(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = setup.worker()
    failures = {"save": 2, "append": 2, "poll": 1}

    def flaky(owner, name, error):
        real = getattr(owner, name)

        def call(*arguments):
            if failures[name]:
                failures[name] -= 1
                raise error
            return real(*arguments)

        monkeypatch.setattr(owner, name, call)

    flaky(setup.store, "save", ProfilesUnavailable("away", 0.001))
    flaky(worker.outbox.warehouse, "append", WarehouseUnavailable("away", 0.0))
    setup.log.append(records([event(str(n), n) for n in range(10)]))
    while worker.prefetcher is None:  # to take a partition over needs the warehouse, too
        worker.step()
    flaky(worker.prefetcher._consumer, "poll", LogUnavailable("away", 0.001))
    for _ in range(8):
        worker.step()
    assert failures == dict.fromkeys(failures, 0)
    assert len(setup.warehouse.rows) == 10
    assert setup.store.find("default", "a1").counts.events == 10
    assert setup.log.lag("ingest") == 0


def test_a_worker_told_to_stop_flushes_first(setup: Setup) -> None:
    setup.log.append(records([event("1")]))
    worker, stop = setup.worker(Bounds(poll_seconds=0.01, flush_seconds=1e9)), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    while setup.store.find("default", "a1") is None:
        pass
    stop.set()
    thread.join(5)
    assert len(setup.warehouse.rows) == 1
    assert setup.log.lag("ingest") == 0


def test_a_worker_told_to_stop_while_the_store_is_away_commits_nothing(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, stop = setup.worker(), threading.Event()

    def away(*arguments):
        stop.set()
        raise ProfilesUnavailable("away", 0.001)

    setup.log.append(records([event("1"), event("2", ua="bot")]))
    with monkeypatch.context() as patched:
        patched.setattr(setup.store, "save", away)
        worker.run(stop)
    assert setup.log.lag("ingest") == 2
    setup.drain(setup.worker())
    assert tally(setup.warehouse.rows) == Counter("12")


def test_sites_settings_apply_from_the_next_event(setup: Setup, site: Site) -> None:
    worker = setup.worker()
    setup.log.append(records([event("1", 0), event("2", 10)]))
    setup.drain(worker)
    setup.sites.save(msgspec.structs.replace(site, session_timeout_minutes=5))
    setup.log.append(records([event("3", 20)]))
    setup.drain(worker)
    assert setup.store.find("default", "a1").counts.visits == 2


class Held(Executor):
    """Runs what it is given when somebody waits for it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        waited = future.result

        def result(timeout: float | None = None) -> Any:
            if not future.done():
                future.set_result(fn(*args, **kwargs))
            return waited()

        future.result = result  # type: ignore[method-assign]
        return future


def test_events_are_folded_while_their_elders_are_stored(setup: Setup) -> None:
    worker = setup.worker()
    worker.threads = None, Held()
    setup.log.append(records([event("1", 0)]))
    worker.step()
    setup.log.append(records([event("2", 1)]))
    worker.step()
    assert setup.store.find("default", "a1").counts.events == 2
    assert (setup.warehouse.rows, setup.log.lag("ingest")) == ([], 2)
    worker.flush()
    assert [row.id for row in setup.warehouse.rows] == ["1", "2"]
    assert setup.log.lag("ingest") == 0


def test_a_partition_won_back_while_its_rows_are_on_their_way_stores_them_once(setup: Setup) -> None:
    worker = setup.worker()
    worker.threads = None, Held()
    setup.log.append(records([event(str(n), n, visitor=f"v{n}") for n in range(20)]))
    worker.step()
    worker.outbox.assign({})
    worker.prefetcher._consumer.close()
    worker.prefetcher = None  # joins anew, from the last commit
    setup.drain(worker)
    assert set(tally(setup.warehouse.rows).values()) == {1}
    assert len(setup.warehouse.rows) == 20
    assert setup.log.lag("ingest") == 0


def test_an_order_reported_twice_counts_once_and_its_second_row_says_so(setup: Setup) -> None:
    order = {"order_id": "o1", "revenue": 10.0, "product_id": "p1"}
    page = event("1", 0, "a1", "kim", name="Order Completed", props=order)
    server = event("2", 1, "a1", "kim", name="Order Completed", props=order, source="segment")
    setup.log.append(
        records(
            [
                page,
                server,
                event("3", 2, "a1", name="Order Refunded", props={"order_id": "o1", "revenue": -4.0}),
            ]
        )
    )
    dying = setup.worker(Bounds(batch=50, poll_seconds=0.0, flush_seconds=1e9))
    dying.step()
    dying.close()
    setup.drain(setup.worker())  # a replay says the same
    profile = setup.store.find("default", user="kim")
    assert (profile.counts.orders, profile.counts.revenue, len(profile.items)) == (1, 6.0, 1)
    assert {row.id: row.repeated for row in setup.warehouse.rows} == {"1": False, "2": True, "3": False}


def test_an_order_that_two_profiles_counted_counts_once_when_they_become_one(setup: Setup) -> None:
    page = event("1", 0, "a1", name="Order Completed", props={"order_id": "o1", "revenue": 10.0})
    server = event("2", 1, None, "kim", name="Order Completed", props={"order_id": "o1", "revenue": 9.0})
    setup.log.append(records([page, server, event("3", 2, "a1", "kim", type="identify")]))
    setup.drain(setup.worker())
    profile = setup.store.find("default", user="kim")
    assert (profile.counts.orders, profile.counts.revenue) == (1, 10.0)
    assert len(profile.orders) == 1


def test_a_sign_in_sent_twice_does_not_take_the_browser_back(setup: Setup) -> None:
    first, second = event("1", 0, "a1", "kim", type="identify"), event("2", 1, "a1", "lee", type="identify")
    setup.log.append(records([first, second, first, event("3", 2, "a1")]))
    setup.drain(setup.worker())
    assert setup.store.find("default", "a1").id == "u:lee"
    assert setup.store.find("default", user="lee").counts.events == 2


@pytest.mark.parametrize(
    "bounds", [{"flush_rows": 3}, {"flush_bytes": 300}, {"flush_seconds": 10.0}], ids=str
)
def test_rows_wait_until_they_are_many_or_large_or_old(setup: Setup, bounds: dict[str, float]) -> None:
    never = {"flush_rows": 1 << 30, "flush_bytes": 1 << 30, "flush_seconds": 1e9}
    worker = setup.worker(Bounds(batch=1, poll_seconds=0.0, **(never | bounds)))
    for number in range(4):
        setup.log.append(records([event(str(number), number)]))
        worker.step()
        stored = len(setup.warehouse.rows)
        assert stored in (0, number + 1)
        if stored:
            break
        setup.clock.advance(4)
    assert number == 3 if "flush_seconds" in bounds else 0 < number < 3


def test_a_message_that_comes_twice_in_one_portion_is_kept_once(setup: Setup) -> None:
    """A partition lost and won back while a portion was gathered is read again from its last commit."""
    setup.log.append(records([event("1", 0), event("2", 1)]))
    worker = setup.worker()
    worker.step()
    setup.log.append(records([event("3", 2), event("4", 3)]))
    assert worker.prefetcher is not None
    portion, owned = worker.prefetcher.next()
    assert len(portion) == 2
    assert worker.outbox.unseen([*portion, *portion]) == list(portion)
    worker.outbox.assign(owned)
    assert worker.outbox.unseen(portion) == list(portion)
    assert worker.outbox.unseen([]) == []
