"""One order told by page, server and payment service, under several ids and by strangers: it counts once."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest.enrich.enrich import facts
from ingest.enrich.order_limits import with_limits
from ingest.worker.worker import Worker
from profiles.fold import orders as ledger
from profiles.ids import order_id
from profiles.model import Profile
from profiles.redis.store import RedisProfiles
from profiles.store.memory import MemoryProfiles
from tests.support.erase_traces import value_of
from tests.support.ingest_installation import Crash, Installation, MortalStore
from tests.support.ingest_streams import START, event, records, sites_of
from tests.support.killed_workers import Workers
from tests.support.machine import RedisServer
from tests.support.person_orders import Counted, counted
from tracker.event import SITE, Event
from tracker.log.open import open_log
from tracker.sites import Site, Sites

STRANGER = "203.0.113.0"
CHANGES = ("Order Updated", "Order Refunded", "Order Cancelled")


class Shop(Installation):
    """An installation with the whole enrichment."""

    def worker(self, batch: int, store: Any = None, flush_rows: int = 1 << 30) -> Worker:
        made = super().worker(batch, store, flush_rows)
        made.decoder.facts = with_limits(facts, lambda _: 0.0)
        return made


@pytest.fixture
def known_sites(tmp_path: Path, site: Site) -> Sites:
    return sites_of(tmp_path, site)


def page(name: str, minutes: float, visitor: str, user: str | None = None, **props: Any) -> Event:
    """A completed order, told with the public key; ``user`` is a claim."""
    return told(name, minutes, "Order Completed", visitor, user, STRANGER, proven=False, **props)


def server(name: str, minutes: float, what: str, user: str, **props: Any) -> Event:
    return told(name, minutes, what, None, user, SITE, **props)


def told(
    name: str, minutes: float, what: str, visitor: str | None, user: str | None, sender: str,
    proven: bool = True, **props: Any
) -> Event:  # fmt: skip
    event_props = {key: value for key, value in props.items() if value is not None}
    return event(
        name,
        minutes,
        visitor,
        user,
        name=what,
        props=event_props,
        sender=sender,
        proven=proven and user is not None,
    )


def lines(*names: str) -> list[dict[str, str]]:
    return [{"product_id": name} for name in names]


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """What browsers, a shop's server and a payment service that has ids of its own tell of a few orders."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, 18))):
        name, minutes = f"e{number}", draw(st.integers(0, 9)) + number / 100
        kind = draw(
            st.sampled_from(
                ["page", "page", "server", "server", "payment", "change", "change", "proof", "claim"]
            )
        )
        visitor, user = draw(st.sampled_from(["a", "b", "c"])), draw(st.sampled_from(["kim", "lee"]))
        props: dict[str, Any] = {"order_id": draw(st.sampled_from(["o1", "o2"]))}
        props |= {
            "revenue": draw(st.sampled_from([10, 0.3, 20.01])),
            "products": draw(st.sampled_from([None, lines("p"), lines("p", "q")])),
        }
        if kind == "page":
            events.append(page(name, minutes, visitor, draw(st.sampled_from([None, None, user])), **props))
        elif kind == "server":
            events.append(server(name, minutes, "Order Completed", user, **props))
        elif kind == "payment":
            events.append(server(name, minutes, "Order Completed", f"{user}@mail", **props))
        elif kind == "change":
            what = draw(st.sampled_from(CHANGES))
            if what == "Order Refunded":
                props |= {
                    "refund_id": draw(st.sampled_from(["r1", "r2"])),
                    "revenue": draw(st.sampled_from([None, 5, 9.5])),
                }
                props["products"] = None if props["revenue"] is None else props["products"]
            events.append(
                server(name, minutes, what, draw(st.sampled_from([user, f"{user}@mail", "nobody"])), **props)
            )
        else:
            proven = kind == "proof"
            sender = SITE if proven else STRANGER
            events.append(event(name, minutes, visitor, user, type="identify", proven=proven, sender=sender))
    return [msgspec.structs.replace(one, received=START + 10**8 + at) for at, one in enumerate(events)]


def expected(here: Installation) -> dict[str, Counted]:
    """What each person's orders are by the rows: whose an order is, is who the site told of, else the first page's."""
    rows = {row.id: here.warehouse.profile_of(row.profile) for row in here.warehouse.rows if not row.doubtful}
    sent = {one.id: one for one in here.sent if one.id in rows}
    whole: dict[str, list[Event]] = {}
    by_order: dict[str, list[Event]] = {}
    for one in sent.values():
        if one.type == "track":
            by_order.setdefault(one.props["order_id"], []).append(one)
    for events in by_order.values():
        completed = [one for one in events if one.name == "Order Completed"]
        if completed:
            base = min(completed, key=lambda one: (one.sender != SITE, one.ts))
            mine = [one for one in events if one.sender == SITE or rows[one.id] == rows[base.id]]
            whole.setdefault(rows[base.id], []).extend(mine)
    return {name: counts for name, events in whole.items() if any(counts := counted(events))}


def counts_of(profiles: Sequence[Profile]) -> dict[str, Counted]:
    found = {}
    for profile in profiles:
        bought = Counter((one.item, one.ts) for one in profile.items if one.kind == "purchase")
        last = max((one.ts for one in profile.items if one.kind == "purchase"), default=0)
        counts = Counted(profile.counts.orders, Decimal(str(profile.counts.revenue)), last, bought)
        if any(counts) and not profile.feeds_customer:
            found[profile.id] = counts
    return found


def run(sites: Sites, folder: Path, events: list[Event], partitions: int = 1) -> Shop:
    here = Shop(sites, folder, partitions)
    here.sent = events
    here.log.append(records(events))
    return here


QUIET = settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def without_last(found: dict[str, Counted]) -> dict[str, Counted]:
    return {name: one._replace(last_order=0) for name, one in found.items()}


@QUIET
@given(
    events=streams(),
    batches=st.lists(st.integers(1, 6), max_size=5),
    partitions=st.integers(1, 3),
    data=st.data(),
)
def test_whoever_tells_and_whatever_crashes_every_order_counts_once_where_it_belongs(
    known_sites: Sites,
    tmp_path: Path,
    events: list[Event],
    batches: list[int],
    partitions: int,
    data: st.DataObject,
) -> None:
    here = run(known_sites, tmp_path, events, partitions)
    for batch in batches:
        store = MortalStore(here.store)
        store.left = data.draw(st.integers(0, 12))
        here.run(batch, store, flush_rows=data.draw(st.sampled_from([2, 1 << 30])))
    here.run(batch=4)
    assert without_last(counts_of(here.all_profiles())) == without_last(expected(here))


@QUIET
@given(events=streams(), data=st.data())
def test_so_it_does_where_two_workers_take_turns(
    known_sites: Sites, tmp_path: Path, events: list[Event], data: st.DataObject
) -> None:
    here = run(known_sites, tmp_path, events, 3)
    workers: list[Worker] = []
    for _ in range(data.draw(st.integers(0, 20))):
        if len(workers) < 2:
            store = MortalStore(here.store)
            store.left = data.draw(st.integers(0, 9) | st.just(1 << 30))
            workers.append(here.worker(data.draw(st.integers(1, 4)), store))
        worker = workers[data.draw(st.integers(0, len(workers) - 1))]
        try:
            worker.step()
            if data.draw(st.booleans()):
                worker.flush()
        except Crash:
            worker.close()
            workers.remove(worker)
    for worker in workers:
        worker.close()
    here.run(batch=3)
    assert without_last(counts_of(here.all_profiles())) == without_last(expected(here))


def profiles_after(sites: Sites, folder: Path, *events: Event) -> dict[str, Profile]:
    """One after the other, and all at once, come to the same."""
    found = []
    for batch in (1, 50):
        here = run(sites, folder, list(events))
        here.run(batch)
        found.append({one.id: one for one in here.all_profiles()})
    counts = [{name: (one.counts, one.items, one.last_order) for name, one in each.items()} for each in found]
    assert counts[0] == counts[1]
    return found[0]


def test_page_server_and_payment_service_tell_of_one_order(known_sites: Sites, tmp_path: Path) -> None:
    paid = {"order_id": "1001", "revenue": 40, "products": lines("p", "q")}
    found = profiles_after(
        known_sites,
        tmp_path,
        page("1", 1, "a", **paid),
        event("2", 2, "a", "kim", type="identify", sender=SITE),
        server("3", 3, "Order Completed", "kim", **paid),
        server("4", 4, "Order Completed", "kim@mail.example", order_id="1001", revenue=40),
    )
    assert (found["u:kim"].counts.orders, found["u:kim"].counts.revenue) == (1, 40.0)
    assert [one.item for one in found["u:kim"].items] == ["p", "q"]
    other = found["u:kim@mail.example"]
    assert (other.counts.orders, other.counts.revenue, other.last_order) == (0, 0.0, 0)


@pytest.mark.parametrize("claims", [None, "lee"])
@pytest.mark.parametrize("strangers_first", [True, False])
def test_a_stranger_s_cookie_holds_no_order_that_the_site_tells_of(
    known_sites: Sites, tmp_path: Path, strangers_first: bool, claims: str | None
) -> None:
    """Neither the order nor when it was, nor what was bought."""
    guessed = page("x", -5000, "evil", claims, order_id="1001", revenue=0.01, products=lines("bait"))
    real = server("1", 3, "Order Completed", "kim", order_id="1001", revenue=40)
    found = profiles_after(known_sites, tmp_path, *((guessed, real) if strangers_first else (real, guessed)))
    kim = found.pop("u:kim")
    assert (kim.counts.orders, kim.counts.revenue, kim.last_order, kim.items) == (1, 40.0, real.ts, [])
    assert set(found) == {"v:evil"} if claims is None else {"v:evil", "u:lee"} == set(found)
    for profile in found.values():
        assert (profile.counts.orders, profile.counts.revenue, profile.items) == (0, 0.0, [])
        assert (profile.last_order, profile.affinities) == (0, {})


@pytest.mark.parametrize("what", ["Order Refunded", "Order Cancelled"])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_told_under_another_id_reaches_the_order(
    known_sites: Sites, tmp_path: Path, what: str, first: bool
) -> None:
    paid = page("1", 1, "a", order_id="1001", revenue=40, products=lines("p"))
    back = server("2", 2, what, "kim@mail.example", order_id="1001")
    found = profiles_after(known_sites, tmp_path, *((back, paid) if first else (paid, back)))
    assert (found["v:a"].counts.orders, found["v:a"].counts.revenue, found["v:a"].items) == (0, 0.0, [])


def test_a_credit_note_with_a_number_counts_once_for_whom_it_was_told_first(
    known_sites: Sites, tmp_path: Path
) -> None:
    note = {"credit_note_id": "c7", "revenue": -5}
    found = profiles_after(
        known_sites,
        tmp_path,
        server("2", 2, "Order Refunded", "kim@mail.example", **note),
        server("1", 1, "Order Refunded", "kim", **note),
        server("3", 3, "Order Refunded", "kim", revenue=-1),
        server("4", 4, "Order Refunded", "lee", revenue=-1),
    )
    assert {name: one.counts.revenue for name, one in found.items()} == {
        "u:kim": -6.0,
        "u:kim@mail.example": 0.0,
        "u:lee": -1.0,
    }


def test_orders_that_a_profile_forgot_stay_counted_whoever_tells_of_them(
    known_sites: Sites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "ORDERS_KEPT", 3)
    bought = [server(f"b{n}", n, "Order Completed", "kim", order_id=f"o{n}", revenue=10) for n in range(8)]
    again = [msgspec.structs.replace(one, id=f"{one.id}-again") for one in bought]
    back = [server(f"r{n}", 20, "Order Refunded", "mail", order_id=f"o{n}", revenue=1) for n in range(8)]
    for rough in (False, True):
        here = run(known_sites, tmp_path, [*bought, *again, *back])
        if rough:  # the profile is saved, and the records of its orders are not
            store = MortalStore(here.store)
            store.left = 1
            here.run(8, store)
        here.run(8)
        kim = here.store.find("default", user="kim")
        assert kim is not None
        assert (kim.counts.orders, kim.counts.revenue) == (8, 77.0), (
            "of the last three, 1 was given back each"
        )


def stores(url: str) -> list[Any]:
    return [MemoryProfiles(), RedisProfiles(url)]


@pytest.mark.redis
def test_who_is_erased_leaves_nothing_in_the_records_of_orders(
    known_sites: Sites, tmp_path: Path, redis_url: str
) -> None:
    for store in stores(redis_url):
        here = run(
            known_sites,
            tmp_path,
            [
                page("1", 1, "evil", order_id="o1", revenue=1),
                server("2", 2, "Order Completed", "kim", order_id="o1", revenue=10),
                server("3", 3, "Order Completed", "kim", order_id="o2", revenue=10),
                page("4", 4, "lee", order_id="o3", revenue=1),
                server("5", 5, "Order Refunded", "kim", order_id="o3", revenue=1),
            ],
        )
        here.store = store
        here.run(50)
        keys = [order_id(key) for key in store.find("default", user="kim").orders]
        assert [len(one.shared.told) for one in store.load("default", keys).values()] == [2, 1, 2]
        assert [one.id for one in store.scan("default")] and store.count("default") == 3
        store.erase("default", "u:kim")
        left = [one.shared for one in store.load("default", keys).values()]
        assert left[:2] == [None, None] and left[2].told.keys() == {"v:lee"}
        assert store.count("default") == 2
        if isinstance(store, RedisProfiles):
            assert not [key for key in store.client.keys("*") if b"kim" in value_of(store.client, key)]
            assert all(store.client.ttl(f"p:default:{order_id}") for order_id in keys[2:])
            store.close()


@pytest.mark.redis
@pytest.mark.slow
def test_orders_are_exact_though_real_workers_are_killed(
    own_redis: RedisServer, tmp_path: Path, site: Site
) -> None:
    draw, folder = random.Random(7), tmp_path
    sites_of(folder, site)
    (folder / "whole-enrichment").touch()
    sent: list[Event] = []
    for number in range(4_000):
        who, order = draw.randrange(200), f"o{draw.randrange(800)}"
        props = {
            "order_id": order,
            "revenue": draw.randrange(1, 9_000) / 100,
            "products": lines("p", f"p{who}"),
        }
        what = draw.choice(["page", "server", "payment", *CHANGES])
        if what == "page":
            sent.append(page(f"e{number}", number, f"v{who}", **props))
        elif what in CHANGES:
            sent.append(
                server(
                    f"e{number}", number, what, f"{draw.choice(['', 'mail-'])}{who}", refund_id="r", **props
                )
            )
        else:
            sent.append(
                server(
                    f"e{number}", number, "Order Completed", f"{'mail-' * (what == 'payment')}{who}", **props
                )
            )
    sent = [msgspec.structs.replace(one, received=START + 10**9 + at) for at, one in enumerate(sent)]
    log = open_log(f"{own_redis.url}?stream=events&lease=1")
    log.consumer("ingest", "w0").close()
    workers = Workers(f"{own_redis.url}?stream=events&lease=1", own_redis.url, folder, 2)
    try:
        for start in range(0, len(sent), 500):
            log.append(records(sent[start : start + 500]))
            time.sleep(draw.random() * 0.5)
            workers.kill_one(draw)
        deadline = time.monotonic() + 90
        while log.lag("ingest") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert log.lag("ingest") == 0
        workers.stop()
    finally:
        for process in workers.running.values():
            process.kill()
            process.wait(10)
        log.close()
    store = RedisProfiles(own_redis.url)
    assert {name: one.orders for name, one in counts_of(list(store.scan("default"))).items()} == {
        name: one.orders for name, one in naive(sent).items()
    }
    assert without_last(counts_of(list(store.scan("default")))) == without_last(naive(sent))
    store.close()


def naive(events: Sequence[Event]) -> dict[str, Counted]:
    """Whose each order is, where everybody has one id: that of the event."""
    by_order: dict[str, list[Event]] = {}
    for one in events:
        by_order.setdefault(one.props["order_id"], []).append(one)
    whole: dict[str, list[Event]] = {}
    for told_of in by_order.values():
        completed = [one for one in told_of if one.name == "Order Completed"]
        if completed:
            base = min(completed, key=lambda one: (one.sender != SITE, one.ts))
            name = f"u:{base.user}" if base.user else f"v:{base.visitor}"
            mine = [one for one in told_of if one.sender == SITE or one.visitor == base.visitor]
            whole.setdefault(name, []).extend(mine)
    return {name: counts for name, told_of in whole.items() if any(counts := counted(told_of))}


@pytest.mark.parametrize("left", range(12))
def test_an_order_outlives_a_crash_while_its_buyer_signs_in(
    known_sites: Sites, tmp_path: Path, left: int
) -> None:
    """Between the customer's profile and the alias of their browser: read again, the order was nobody's."""
    events = [server("e1", 0, "Order Refunded", "kim", order_id="o", revenue=5, refund_id="r")]
    events += [page("e2", 1, "c", order_id="o", revenue=10)]
    events += [event("e3", 2, "c", "kim", type="identify", proven=True, sender=SITE)]
    here = run(known_sites, tmp_path, events)
    store = MortalStore(here.store)
    store.left = left
    here.run(1, store)
    here.run(batch=1)
    assert without_last(counts_of(here.all_profiles())) == without_last(expected(here))
