"""One person over cookies, devices and renamed accounts: nothing is lost in a merge, and nobody gets another's past."""

from pathlib import Path

import pytest

from ingest.worker.worker import Bounds
from profiles.fold.identity import merge
from profiles.model import Affinity, CartLine, Counts, Exposure, ItemTouch, Profile, Session, Touch
from tests.support.consents import answers
from tests.support.ingest_streams import MemoryIngest, event, records, sites_of
from tracker.durations import DAY_MS
from tracker.event import Event
from tracker.sites import Site


def touch(ts: int, channel: str) -> Touch:
    return Touch(ts, channel)


def test_a_merge_loses_nothing() -> None:
    cookie = Profile(
        "v:a1",
        visitors=["a1"],
        traits={"plan": "old", "size": 42},
        first_seen=1 * DAY_MS,
        last_seen=5 * DAY_MS,
        first_touch=touch(1 * DAY_MS, "social"),
        last_touch=touch(5 * DAY_MS, "direct"),
        counts=Counts(
            visits=2, pageviews=3, events=9, views=4, adds=1, offer_views=2, orders=1, revenue=10.1
        ),
        sessions=[Session("s1", 1 * DAY_MS, 1 * DAY_MS + 5, touch(1 * DAY_MS, "social"))],
        items=[ItemTouch("p1", "view", 1), ItemTouch("p3", "view", 3)],
        cart={"p1": CartLine(1.0, 9.0), "p2": CartLine(2.0)},
        affinities={"shoes": Affinity(1.0, 5 * DAY_MS)},
        last_order=2 * DAY_MS,
        consents=answers({"marketing": True, "analytics": True}),
        exposure={"k": Exposure(2, 1, 7)},
        positions={"a1": (1, 10)},
    )
    customer = Profile(
        "u:kim",
        user="kim",
        visitors=["c9"],
        traits={"plan": "new"},
        first_seen=2 * DAY_MS,
        last_seen=9 * DAY_MS,
        first_touch=touch(2 * DAY_MS, "e-mail"),
        last_touch=touch(4 * DAY_MS, "e-mail"),
        counts=Counts(
            visits=1, pageviews=1, events=2, views=1, offer_clicks=1, community=1, orders=2, revenue=5.2
        ),
        sessions=[Session("s0", 0, 5, Touch()), Session("s2", 2 * DAY_MS, 2 * DAY_MS, Touch())],
        items=[ItemTouch("p2", "view", 2)],
        cart={"p1": CartLine(2.0, 8.0)},
        affinities={"shoes": Affinity(2.0, 5 * DAY_MS), "hats": Affinity(1.0, DAY_MS)},
        last_order=1 * DAY_MS,
        consents=answers({"marketing": False}),
        exposure={"k": Exposure(1, 0, 9), "m": Exposure(1, 1, 1)},
        positions={"kim": (0, 3)},
    )
    merge(customer, cookie)
    counts = Counts(3, 4, 11, 5, 1, 2, 1, 1, 3, 15.3)
    assert (customer.id, customer.user, sorted(customer.visitors)) == ("u:kim", "kim", ["a1", "c9"])
    assert customer.traits == {"plan": "new", "size": 42}  # the one seen last decides
    assert (customer.first_seen, customer.last_seen, customer.last_order) == (
        1 * DAY_MS,
        9 * DAY_MS,
        2 * DAY_MS,
    )
    assert customer.first_touch == touch(1 * DAY_MS, "social")  # the earlier
    assert customer.last_touch == touch(4 * DAY_MS, "e-mail")  # a direct visit came by the last known way
    assert customer.counts == counts
    assert [session.id for session in customer.sessions] == ["s0", "s1", "s2"]
    assert [item.item for item in customer.items] == ["p1", "p2", "p3"]  # interleaved by time
    assert customer.cart == {"p1": CartLine(3.0, 8.0), "p2": CartLine(2.0)}
    assert {name: one.weight for name, one in customer.affinities.items()} == {"shoes": 3.0, "hats": 1.0}
    assert customer.consent == {"marketing": False, "analytics": True}  # the stricter
    assert customer.exposure == {"k": Exposure(3, 1, 9), "m": Exposure(1, 1, 1)}
    assert customer.positions == {"kim": (0, 3), "a1": (1, 10)}


def test_what_merges_add_up_stays_bounded() -> None:
    def somebody(number: int) -> Profile:
        names = [f"{number}-{n}" for n in range(50)]
        return Profile(
            f"v:{number}",
            last_seen=number,
            traits=dict.fromkeys(names, "x"),
            cart={name: CartLine(1.0) for name in names},
            exposure={name: Exposure(1, 0, number) for name in names},
        )

    customer = Profile("u:kim", user="kim")
    for number in range(1, 6):
        merge(customer, somebody(number))
    assert (len(customer.traits), len(customer.cart), len(customer.exposure)) == (60, 50, 64)
    newest = {f"5-{n}" for n in range(50)}
    assert newest <= set(customer.traits) and newest <= set(customer.exposure)


class Shop(MemoryIngest):
    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder, sites_of(folder, site))

    def send(self, *events: Event) -> None:
        self.log.append(records(events))
        worker = self.worker_with(Bounds(batch=3, poll_seconds=0.0, flush_seconds=0.0))
        while worker.step():
            pass
        worker.close()

    def known(self, visitor: str | None = None, user: str | None = None) -> tuple[str, int] | None:
        profile = self.store.find("default", visitor, user)
        return (profile.id, profile.counts.events) if profile else None


@pytest.fixture
def shop(tmp_path: Path, site: Site) -> Shop:
    return Shop(tmp_path, site)


def sign_in(name: str, minutes: float, visitor: str | None, user: str) -> Event:
    return event(name, minutes, visitor, user, type="identify")


def alias(name: str, minutes: float, visitor: str | None, user: str | None, previous: str) -> Event:
    return event(name, minutes, visitor, user, type="alias", props={"previousId": previous})


def test_two_devices_of_one_customer_are_one_person(shop: Shop) -> None:
    shop.send(event("1", 0, "phone"), event("2", 1, "laptop"))
    shop.send(sign_in("3", 2, "phone", "kim"), sign_in("4", 3, "laptop", "kim"), event("5", 4, "phone"))
    assert shop.known("phone") == shop.known("laptop") == shop.known(user="kim") == ("u:kim", 5)


def test_two_customers_on_one_browser_stay_two(shop: Shop) -> None:
    shop.send(event("1", 0), sign_in("2", 1, "a1", "kim"), event("3", 2))
    shop.send(sign_in("4", 3, "a1", "lee"), event("5", 4))
    assert shop.known(user="kim") == ("u:kim", 3)  # with what was done before she signed in
    assert shop.known("a1") == shop.known(user="lee") == ("u:lee", 2)
    assert {row.id: shop.warehouse.profile_of(row.profile)[2:] for row in shop.warehouse.rows} == dict(
        zip("12345", ["kim", "kim", "kim", "lee", "lee"], strict=True)
    )


def test_what_only_a_backend_says_lands_in_the_same_profile(shop: Shop) -> None:
    order = {"order_id": "o1", "revenue": 5.0}
    shop.send(event("1", 0, None, "kim", name="Order Completed", props=order, source="segment"))
    shop.send(event("2", 1, "a1"), sign_in("3", 2, "a1", "kim"))
    profile = shop.store.find("default", "a1")
    assert profile is not None
    assert (profile.id, profile.counts.orders, profile.counts.events, profile.counts.visits) == (
        "u:kim",
        1,
        3,
        1,
    )


def test_a_chain_of_aliases_ends_at_one_profile(shop: Shop) -> None:
    shop.send(*(event(f"e{n}", n, f"v{n}") for n in range(5)))
    shop.send(*(alias(f"a{n}", 10 + n, f"v{n + 1}", None, f"v{n}") for n in range(4)))
    shop.send(sign_in("in", 20, "v4", "kim"))
    assert {shop.known(f"v{n}") for n in range(5)} == {("u:kim", 10)}


def test_a_circle_of_aliases_is_one_person(shop: Shop) -> None:
    shop.send(event("1", 0, "a"), event("2", 1, "b"), event("3", 2, "c"))
    shop.send(alias("4", 3, "b", None, "a"), alias("5", 4, "c", None, "b"), alias("6", 5, "a", None, "c"))
    assert shop.known("a") == shop.known("b") == shop.known("c")
    assert shop.known("a")[1] == 6


def test_a_customer_s_new_id_takes_their_past_along_and_no_other_customer_s(shop: Shop) -> None:
    shop.send(sign_in("1", 0, "a1", "old"), alias("2", 1, None, "new", "old"))
    assert shop.known("a1") == shop.known(user="old") == ("u:new", 2)
    shop.send(sign_in("3", 2, "b2", "lee"), alias("4", 3, None, "new", "lee"))
    assert (shop.known(user="new"), shop.known(user="lee")) == (("u:new", 2), ("u:lee", 1))
    assert "two customers" in shop.deadletters.list()[0].reason
