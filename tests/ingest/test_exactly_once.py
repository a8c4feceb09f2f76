"""Whatever the batches, crashes, replays and rivals: the profiles and rows of one undisturbed run."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest.dead_letters import DeadLetters
from ingest.worker.worker import Bounds, Worker
from profiles.memory import MemoryProfiles
from profiles.model import Profile
from profiles.store import Write
from tests.support.ingest_streams import (
    START,
    MemoryWarehouse,
    event,
    facts_of,
    records,
    simple_facts,
    sites_of,
    tally,
)
from tracker.event import Event
from tracker.log.memory import MemoryLog
from tracker.sites import Site, Sites
from warehouse.delta import PositionsMoved, WarehouseUnavailable


class Crash(BaseException):
    """The process is gone at this point."""


class MortalStore:
    """A store whose client dies after so many single writes: between any two keys of one save, too."""

    def __init__(self, store: MemoryProfiles) -> None:
        self.store, self.left = store, 1 << 30

    def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        saved: dict[str, bytes] = {}
        for write in writes:
            if self.left <= 0:
                raise Crash
            self.left -= 1
            saved |= self.store.save(site, [write])
        return saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class LateFuture(Future[None]):
    """An append that happens when somebody waits for it, or by chance when somebody looks; or fails by then."""

    def __init__(self, warehouse: MemoryWarehouse, portion: tuple[Any, ...], draw: random.Random) -> None:
        super().__init__()
        self.warehouse, self.portion, self.draw = warehouse, portion, draw

    def done(self) -> bool:
        if self.draw.random() < 0.3:
            self.happen()
        return super().done()

    def result(self, timeout: float | None = None) -> None:
        self.happen()
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.happen()
        return super().exception()

    def happen(self) -> None:
        if super().done():
            return
        fate, known = self.draw.random(), dict(self.warehouse.known)
        try:
            if fate > 0.1:
                self.warehouse.append(*self.portion)
            if fate < 0.2:
                self.warehouse.known = known  # whoever gets no answer does not know
                raise WarehouseUnavailable("not stored" if fate <= 0.1 else "stored, but the answer was lost")
            self.set_result(None)
        except (WarehouseUnavailable, PositionsMoved) as error:
            self.set_exception(error)


class Late(Executor):
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return LateFuture(fn.__self__, args, self.draw)  # type: ignore[attr-defined]  # a warehouse's append


class Installation:
    def __init__(self, sites: Sites, folder: Path, partitions: int) -> None:
        self.log = MemoryLog(f"memory://?partitions={partitions}")
        self.profiles, self.warehouse = MemoryProfiles(), MemoryWarehouse()
        self.sites, self.deadletters = sites, DeadLetters(folder)
        self.clock = count().__next__
        self.late: random.Random | None = None  # workers store in another thread, and not always at once

    def worker(self, batch: int, store: Any = None, flush_rows: int = 1 << 30) -> Worker:
        return Worker(
            log=self.log,
            store=store or self.profiles,
            warehouse=MemoryWarehouse(self.warehouse),
            sites=self.sites,
            facts=simple_facts,
            deadletters=self.deadletters,
            bounds=Bounds(batch=batch, poll_seconds=0.0, flush_rows=flush_rows, flush_seconds=1e9),
            clock=self.clock,
            flusher=Late(self.late) if self.late else None,
        )

    def run(self, batch: int, store: MortalStore | None = None, flush_rows: int = 1 << 30) -> None:
        worker = self.worker(batch, store, flush_rows)
        try:
            while worker.step():
                pass
            worker.flush()
        except Crash:
            self.bury(worker)
        finally:
            worker.close()

    def bury(self, worker: Worker) -> None:
        """What a worker was storing when it died may have been stored or not."""
        if self.late and self.late.random() < 0.5:
            worker.outbox._flight = None

    def all_profiles(self) -> list[Profile]:
        return sorted(self.profiles.scan("default"), key=lambda profile: profile.id)

    def sessions(self) -> dict[str, str]:
        """Row → its session's id as the aliases have it now."""
        return {row.id: self.warehouse.session_of(row) for row in self.warehouse.rows}

    def counted(self) -> dict[str, Counter[str]]:
        """Profile → its rows' ids, profile ids as the aliases have them now."""
        counted: dict[str, Counter[str]] = {}
        for row in self.warehouse.rows:
            counted.setdefault(self.warehouse.profile_of(row.profile), Counter())[row.id] += 1
        return counted


VISITORS, USERS = ["a1", "b2", "c3"], ["kim", "lee"]


@st.composite
def streams(
    draw: st.DrawFn,
    visitors: Sequence[str] = VISITORS,
    users: Sequence[str] = USERS,
    claims: bool = False,
) -> list[Event]:
    """What a few browsers of a few customers send, retries, late events and alias calls included."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, 25))):
        kind = draw(
            st.sampled_from(
                ["page", "page", "campaign", "view", "order", "identify", "alias", "backend", "retry"]
            )
        )
        visitor, user = draw(st.sampled_from(visitors)), draw(st.sampled_from(users))
        minutes = draw(st.sampled_from([0, 7, 13, 40, 80, 81, 300])) + number * draw(st.sampled_from([0, 1]))
        name = f"e{number}"
        if kind == "page":
            signed_in = draw(st.sampled_from([None, None, None, user]))
            events.append(event(name, minutes, visitor, signed_in))
        elif kind == "campaign":
            campaign = {"campaign": draw(st.sampled_from(["spring", "gclid:1"]))}
            events.append(event(name, minutes, visitor, context=campaign))
        elif kind == "view":
            events.append(
                event(name, minutes, visitor, name="Product Viewed", props={"product_id": f"p{number}"})
            )
        elif kind == "order":
            order = {"order_id": draw(st.sampled_from([name, "o1", "o2"])), "revenue": 10.0}
            events.append(event(name, minutes, visitor, name="Order Completed", props=order))
        elif kind == "identify":
            events.append(event(name, minutes, visitor, user, type="identify", traits={"n": number}))
        elif kind == "alias":
            events.append(event(name, minutes, visitor, user, type="alias", props={"previousId": visitor}))
        elif kind == "backend":
            events.append(
                event(
                    name,
                    minutes,
                    None,
                    user,
                    source=draw(st.sampled_from(["segment", "api"])),
                    name="Order Completed",
                    props={"order_id": draw(st.sampled_from([None, "o1"])), "revenue": 5.0},
                )
            )
        elif events:
            events.append(draw(st.sampled_from(events)))
    if claims:
        proven = {one.id: draw(st.booleans()) for one in events}
        events = [msgspec.structs.replace(one, proven=proven[one.id]) for one in events]
    # The tracker's clock goes forward, whatever the events' own times are.
    return [msgspec.structs.replace(one, received=START + 10**8 + at) for at, one in enumerate(events)]


QUIET = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes here
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def known_sites(tmp_path: Path, site: Site) -> Sites:
    return sites_of(tmp_path, site)


@QUIET
@given(
    events=streams() | streams(claims=True),
    batches=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    data=st.data(),
)
def test_any_batches_and_any_crashes_give_the_same_profiles_and_rows(
    known_sites: Sites, tmp_path: Path, events: list[Event], batches: list[int], data: st.DataObject
) -> None:
    calm, rough = Installation(known_sites, tmp_path, 1), Installation(known_sites, tmp_path, 1)
    for one in (calm, rough):
        one.log.append(records(events))
    calm.run(batch=1000)
    rough.late = data.draw(st.none() | st.randoms(use_true_random=False))
    for batch in batches:
        store = MortalStore(rough.profiles)
        store.left = data.draw(st.integers(0, 12))
        rough.run(batch, store, flush_rows=data.draw(st.sampled_from([2, 5, 1 << 30])))
    rough.run(batch=3)
    assert [facts_of(p) for p in rough.all_profiles()] == [facts_of(p) for p in calm.all_profiles()]
    assert rough.counted() == calm.counted()
    assert set(tally(rough.warehouse.rows).values()) <= {1}
    assert rough.sessions() == calm.sessions()


@QUIET
@given(events=streams() | streams(claims=True), data=st.data())
def test_profiles_count_what_the_warehouse_holds_across_partitions(
    known_sites: Sites, tmp_path: Path, events: list[Event], data: st.DataObject
) -> None:
    """Three partitions, two workers that take turns, crash, and lose partitions to each other."""
    here = Installation(known_sites, tmp_path, 3)
    here.log.append(records(events))
    here.late = data.draw(st.none() | st.randoms(use_true_random=False))
    workers: list[tuple[Worker, MortalStore]] = []
    for _ in range(data.draw(st.integers(0, 25))):
        turn = data.draw(st.integers(0, 3))
        if turn == 0 or not workers:
            store = MortalStore(here.profiles)
            store.left = data.draw(st.integers(0, 9) | st.just(1 << 30))
            rows = data.draw(st.sampled_from([3, 1 << 30]))
            workers.append((here.worker(data.draw(st.integers(1, 5)), store, rows), store))
        elif turn == 1:
            workers.pop(data.draw(st.integers(0, len(workers) - 1)))[0].close()
        else:
            worker, _ = workers[data.draw(st.integers(0, len(workers) - 1))]
            try:
                worker.step()
                if turn == 3:
                    worker.flush()
            except Crash:
                here.bury(worker)
                worker.close()
                workers = [pair for pair in workers if pair[0] is not worker]
    for worker, _ in workers:
        worker.close()
    here.run(batch=3)
    assert set(tally(here.warehouse.rows).values()) <= {1}
    assert set(tally(here.warehouse.rows)) == {one.id for one in events}
    stored = {name: sum(ids.values()) for name, ids in here.counted().items()}
    people = [p for p in here.all_profiles() if not p.counted_elsewhere]
    assert {p.id: p.counts.events for p in people if p.counts.events} == stored
    # Of a cookie that two customers use, what happens to one's sessions happens to the other's of the same name.
    users = Counter(owner for p in people for owner in {s.id[:8] for s in p.sessions})
    visits = Counter(name for name in here.sessions().values() if users[name[:8]] == 1)
    known = {s.id: s.events for p in people for s in p.sessions if users[s.id[:8]] == 1}
    assert known == visits


@QUIET
@given(first=streams(["a1"], ["kim"]), data=st.data())
def test_identify_before_or_after_gives_the_same_counts(
    known_sites: Sites, tmp_path: Path, first: list[Event], data: st.DataObject
) -> None:
    """When a visitor signs in does not change what is known of them in the end."""
    sign_in = event("sign-in", 500, "a1", "kim", type="identify")
    results = []
    for at in (0, len(first), data.draw(st.integers(0, len(first)))):
        here = Installation(known_sites, tmp_path, 1)
        here.log.append(records([*first[:at], sign_in, *first[at:]]))
        here.run(batch=4)
        (profile,) = here.all_profiles()
        counts = profile.counts
        results.append(
            (profile.id, counts.events, counts.visits, counts.orders, counts.revenue, len(profile.items))
        )
    assert results[0] == results[1] == results[2]
