"""Orders in a profile: whatever is told of them, in any order, as often as one likes, in any number of profiles."""

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.enrich import facts
from ingest.enrich.order_limits import with_limits
from profiles.encoding import codec
from profiles.encoding.packing import pack_profile
from profiles.fold import affinity, fold, identity
from profiles.fold import orders as ledger
from profiles.fold.fold import LogPosition, Settings
from profiles.model import ITEMS_KEPT, PURCHASES_KEPT, Profile
from tests.support.person_orders import Counted, counted
from tracker.durations import DAY_MS
from tracker.event import SITE, Event
from tracker.sites import new_site

START = 1_793_534_400_000
SHOP = new_site("default")
SETTINGS = Settings(currency=SHOP.currency)
STRANGER = "203.0.113.0"
enrich = with_limits(facts, lambda _: 0.0)


def told(number: int, name: str, minute: float = 0, sender: str = SITE, **props: Any) -> Event:
    ts = START + int(minute * 60_000)
    return Event(
        site="default", id=f"e{number}", type="track", name=name, ts=ts, received=START + number, source="api",
        user="kim", proven=True, sender=sender, props=props,
    )  # fmt: skip


def products(**quantities: int) -> list[dict[str, object]]:
    return [
        {"product_id": name, "quantity": many, "category": f"k{name}"} for name, many in quantities.items()
    ]


def folded(events: list[Event], profile: Profile | None = None, key: str = "kim") -> Profile:
    profile = profile or Profile("u:kim", user="kim")
    for position, event in enumerate(events):
        fold.apply(profile, event, enrich(event, SHOP), SETTINGS, LogPosition(key, 0, position))
    return codec.copy(profile)


def counts_of(profile: Profile) -> Counted:
    revenue = Decimal(str(profile.counts.revenue))
    completed = profile.event_counts.get("Order Completed")
    assert (completed.count if completed else 0) == profile.counts.orders
    assert (completed.last if completed else 0) == profile.last_order
    bought = Counter((one.item, one.ts) for one in profile.items if one.kind == "purchase")
    return Counted(profile.counts.orders, revenue, profile.last_order, bought)


amounts = st.none() | st.sampled_from([0.1, 0.2, 19.99, 40, 0, "12.3456"])
quantities = st.dictionaries(st.sampled_from("pqr"), st.integers(1, 3), max_size=3)


@st.composite
def transitions(draw: st.DrawFn) -> list[Event]:
    """Each at a time of its own: what is told of the same moment is ordered by what it says."""
    events = []
    for number in range(draw(st.integers(1, 14))):
        name = draw(
            st.sampled_from(
                ["Order Completed"] * 3
                + ["Order Updated", "Order Refunded", "Order Refunded", "Order Cancelled"]
            )
        )
        props: dict[str, Any] = {"order_id": draw(st.sampled_from(["o1", "o2", "o3"]))}
        if name != "Order Cancelled":
            said, lines = draw(amounts), draw(quantities)
            props |= {"revenue": said} if said is not None else {}
            props |= {"products": products(**lines)} if lines else {}
        if name == "Order Refunded":
            props["refund_id"] = draw(st.sampled_from(["r1", "r2", "r3"]))
            if draw(st.integers(0, 3)) == 0:
                del props["order_id"]
                props["refund_id"] += "n"
                props.setdefault("revenue", 5)
        sender = draw(st.sampled_from([SITE, SITE, STRANGER])) if name == "Order Completed" else SITE
        if name == "Order Completed" and draw(st.integers(0, 5)) == 0:
            del props["order_id"]
        events.append(told(number, name, draw(st.integers(0, 50)) + number / 100, sender, **props))
    return events


@given(transitions(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_and_any_repeats_equal_a_naive_ledger(
    events: list[Event], draw: random.Random
) -> None:
    arrived = draw.sample(events, len(events))
    arrived += [
        msgspec.structs.replace(one, id=f"{one.id}r")
        for one in events
        if "order_id" in one.props and draw.random() < 0.4
    ]
    assert counts_of(folded(arrived)) == counted(events)


@given(transitions(), st.randoms(use_true_random=False))
def test_so_do_profiles_that_become_one(events: list[Event], draw: random.Random) -> None:
    many = [Profile("u:kim", user="kim"), Profile("v:a"), Profile("v:b")]
    shares: list[list[Event]] = [[], [], []]
    for one in draw.sample(events, len(events)):
        for share in draw.sample(shares, draw.choice([1, 1, 2])) if "order_id" in one.props else [shares[0]]:
            share.append(one)
    one, two, three = (
        folded(share, profile, key) for share, profile, key in zip(shares, many, "kab", strict=True)
    )
    identity.merge(two, three)
    identity.merge(one, two)
    assert counts_of(codec.copy(one)) == counted(events)


@given(transitions())
def test_an_interest_that_no_purchase_is_left_of_is_none(events: list[Event]) -> None:
    profile, expected = folded(events), Profile("v:x")
    for touch in profile.items:
        affinity.add(expected.affinities, touch.category, affinity.WEIGHTS["purchase"], touch.ts)
    now = START + DAY_MS
    assert {
        name: pytest.approx(affinity.weight_at(one, now)) for name, one in expected.affinities.items()
    } == {name: affinity.weight_at(one, now) for name, one in profile.affinities.items()}


def test_a_wholly_returned_order_leaves_no_purchase_behind() -> None:
    bought = told(1, "Order Completed", 1, order_id="o1", revenue=50, products=products(p=1, q=2))
    for back in (
        [told(2, "Order Refunded", 2, order_id="o1")],
        [told(2, "Order Cancelled", 2, order_id="o1")],
        [told(2, "Order Refunded", 2, order_id="o1", revenue=50)],
        [told(n, "Order Refunded", 2, order_id="o1", refund_id=str(n), revenue=-25) for n in (2, 3)],
    ):
        for events in ([bought, *back], [*back, bought]):
            profile = folded(events)
            assert (profile.counts.orders, profile.counts.revenue, profile.last_order) == (0, 0.0, 0)
            assert (profile.items, profile.affinities) == ([], {})
            assert "Order Completed" not in profile.event_counts


def test_a_refund_is_taken_off_once_and_never_below_nothing() -> None:
    bought = told(1, "Order Completed", 1, order_id="o1", revenue=50, products=products(p=2))
    back = {"order_id": "o1", "revenue": 20, "products": products(p=1)}
    twice = [told(2, "Order Refunded", 2, **back), told(3, "Order Refunded", 3, **back)]
    profile = folded([bought, *twice])
    assert (profile.counts.orders, profile.counts.revenue) == (1, 30.0)
    assert [one.item for one in profile.items] == ["p"]
    assert profile.event_counts["Order Refunded"].count == 1
    more = folded([bought, *twice, told(4, "Order Refunded", 4, order_id="o1", revenue=500)])
    assert (more.counts.orders, more.counts.revenue, more.items) == (0, 0.0, [])


def test_a_credit_note_without_an_order_is_taken_off_its_customer() -> None:
    bought = [
        told(n, "Order Completed", n, order_id=f"o{n}", revenue=10, products=products(p=1)) for n in (1, 2, 5)
    ]
    note = told(3, "Order Refunded", 3, credit_note_id="c1", revenue=-35.5, products=products(p=1))
    again = msgspec.structs.replace(note, id="again")
    for events in ([*bought, note, again], [note, again, *bought]):
        profile = folded(events)
        assert (profile.counts.orders, profile.counts.revenue) == (3, -5.5)
        assert [(one.item, one.ts) for one in profile.items] == [("p", bought[0].ts), ("p", bought[2].ts)]


def test_amounts_in_another_currency_are_not_added_as_if_equal() -> None:
    profile = folded(
        [
            told(1, "Order Completed", 1, order_id="o1", revenue=50, currency="EUR"),
            told(2, "Order Completed", 2, order_id="o2", revenue=50_000, currency="KRW"),
            told(3, "Order Completed", 3, order_id="o3", revenue=0.1),
            told(4, "Order Completed", 4, order_id="o4", revenue=0.2),
        ]
    )
    assert (profile.counts.orders, profile.counts.revenue) == (4, 50.3)
    back = {"order_id": "o2", "revenue": 20_000}
    folded([told(5, "Order Refunded", 5, **back)], profile, "more")
    assert (profile.counts.orders, profile.counts.revenue) == (4, 50.3), "in the order's currency"
    folded([told(6, "Order Refunded", 6, **back, currency="EUR", refund_id="eur")], profile, "apart")
    assert (profile.counts.orders, profile.counts.revenue) == (4, 50.3 - 20_000)
    folded([told(7, "Order Refunded", 7, order_id="o1", revenue=1_000, currency="KRW")], profile, "krw")
    assert (profile.counts.orders, profile.counts.revenue) == (4, 50.3 - 20_000)
    folded([told(8, "Order Updated", 8, order_id="o2", revenue=70, currency="EUR")], profile, "eur")
    assert (profile.counts.orders, profile.counts.revenue) == (3, 50.3), "refunds of 40,000 leave nothing"


def test_every_line_of_an_order_is_bought_beside_all_that_was_looked_at() -> None:
    bought = told(
        1,
        "Order Completed",
        1,
        order_id="o1",
        revenue=50,
        products=products(**{f"p{n}": 1 for n in range(120)}),
    )
    views = [told(100 + n, "Product Viewed", 2 + n, product_id=f"v{n}") for n in range(ITEMS_KEPT + 20)]
    profile = folded([bought, *views])
    kinds = Counter(one.kind for one in profile.items)
    assert kinds == {"purchase": 120, "view": ITEMS_KEPT}


def test_limits_are_high_and_what_they_cut_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "ORDERS_KEPT", 3)
    monkeypatch.setattr(ledger, "LINES_KEPT", 6)
    profile, cut = Profile("u:kim", user="kim"), []
    for n in range(6):
        event = told(n, "Order Completed", n, order_id=f"o{n}", revenue=10, products=products(p=1, q=1, r=1))
        cut.append(fold.apply(profile, event, enrich(event, SHOP), SETTINGS, LogPosition("kim", 0, n)).cut)
    assert cut == [0, 0, 3, 4, 4, 4], "lines of the oldest, then the oldest as a whole"
    assert (profile.counts.orders, profile.counts.revenue, len(profile.orders)) == (6, 60.0, 3)
    assert sum(one.kind == "purchase" for one in profile.items) == 18 <= PURCHASES_KEPT
    back = told(9, "Order Refunded", 9, order_id="o0")
    fold.apply(profile, back, enrich(back, SHOP), SETTINGS, LogPosition("kim", 0, 9))
    assert (profile.counts.orders, profile.counts.revenue) == (6, 60.0), "what is forgotten stays as it is"


def test_orders_that_an_earlier_release_stored_are_known() -> None:
    old = folded([told(1, "Page", 0)])
    bought = told(2, "Order Completed", 1, order_id="o1", revenue=50)
    key = ledger.order_key(bought, enrich(bought, SHOP))
    assert key is not None
    stored = pack_profile(old)
    stored.old_orders = [(key[:7] + b"\1\2", 50.0, bought.received)]
    stored.counts.orders, stored.counts.revenue = 1, 50.0
    profile = codec.decode(msgspec.msgpack.encode(stored))
    folded([bought, told(3, "Order Refunded", 3, order_id="o1", revenue=20)], profile, "other")
    assert (profile.counts.orders, profile.counts.revenue) == (1, 30.0)
