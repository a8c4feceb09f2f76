"""Whatever the batches, crashes, replays and rivals: the profiles and rows of one undisturbed run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest.worker.worker import Worker
from tests.support.ingest_installation import Crash, Installation, MortalStore
from tests.support.ingest_streams import (
    START,
    event,
    facts_of,
    records,
    sites_of,
    tally,
)
from tracker.event import Event
from tracker.sites import Site, Sites

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
                [
                    *("page", "page", "campaign", "view", "order", "shown"),
                    *("identify", "alias", "backend", "retry"),
                ]
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
        elif kind == "shown":
            events.append(event(name, minutes, visitor, name="Offer Viewed"))
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
        store = MortalStore(rough.store)
        store.left = data.draw(st.integers(0, 12))
        rough.run(batch, store, flush_rows=data.draw(st.sampled_from([2, 5, 1 << 30])))
    rough.run(batch=3)
    assert [facts_of(p) for p in rough.all_profiles()] == [facts_of(p) for p in calm.all_profiles()]
    assert rough.counted() == calm.counted()
    assert set(tally(rough.warehouse.rows).values()) <= {1}
    assert rough.sessions() == calm.sessions()
    for one in (calm, rough):
        assert one.joined() <= set(one.sessions().values())


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
            store = MortalStore(here.store)
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
    people = [p for p in here.all_profiles() if not p.feeds_customer]
    assert {p.id: p.counts.events for p in people if p.counts.events} == stored
    # Of a cookie that two customers use, what happens to one's sessions happens to the other's of the same name.
    users = Counter(owner for p in people for owner in {s.id[:8] for s in p.sessions})
    visits = Counter(name for name in here.sessions().values() if users[name[:8]] == 1)
    known = {s.id: s.events for p in people for s in p.sessions if users[s.id[:8]] == 1}
    assert known == visits
    assert here.joined() <= set(here.sessions().values())


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
