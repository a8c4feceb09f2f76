"""Who merely claims to be a customer adds to them, and sees and decides nothing; a proof makes both one, once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.fold import fold, identity
from profiles.model import CUSTOMERS_KEPT, VISITORS_KEPT, Profile
from profiles.store.port import Alias
from tests.support.ingest_installation import Installation, MortalStore
from tests.support.ingest_streams import START, event, records, sites_of
from tracker.event import SITE, Event
from tracker.sites import Site, Sites

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DECIDED = (
    *("id", "user", "visitors", "proven", "consent", "exposure", "cart", "last_order", "demo"),
    *("device", "browser", "os", "country"),
)
BROWSERS, CUSTOMERS = ["a1", "b2", "c3"], ["kim", "lee"]


@pytest.fixture
def sites(tmp_path: Path, site: Site) -> Sites:
    return sites_of(tmp_path, site)


def counted(sites: Sites, folder: Path, events: Sequence[Event], batch: int = 4) -> Installation:
    here = Installation(sites, folder, 1)
    here.log.append(records(events))
    here.run(batch=batch)
    return here


def find(here: Installation, visitor: str | None = None, user: str | None = None) -> Profile:
    found = here.store.find("default", visitor, user)
    assert found is not None
    return found


@st.composite
def told(draw: st.DrawFn, number: int, visitors: Sequence[str], proven: bool) -> Event:
    """Anything that a browser may say, mostly naming a customer."""
    visitor = draw(st.sampled_from(visitors))
    user = draw(st.sampled_from([None, *CUSTOMERS]))
    name, minutes = f"{visitor}-{number}", draw(st.sampled_from([0, 9, 35, 70, 200]))
    said: dict[str, Any] = {"proven": proven and user is not None, "received": START + 10**8 + number}
    said["lang"] = visitor
    kind = draw(st.sampled_from(["page", "identify", "group", "consent", "alias", "track", "track", "offer"]))
    item = {"product_id": f"p{draw(st.integers(0, 3))}", "category": "k", "price": 5.0}
    if kind == "identify":
        said["traits"] = {draw(st.sampled_from(["email", "plan"])): draw(st.sampled_from([None, visitor]))}
    elif kind == "group":
        said["props"] = {"groupId": visitor}
    elif kind == "consent":
        said["props"] = {
            "marketing": draw(st.booleans()),
            "interests": {"k": draw(st.sampled_from([0.0, 3.0]))},
        }
    elif kind == "alias":
        said["props"] = {
            "previousId": draw(st.sampled_from([visitor] if proven else [visitor, *BROWSERS, *CUSTOMERS]))
        }
    elif kind == "track":
        names = ["Product Viewed", "Product Added", "Product Removed", "Order Completed"]
        said |= {"name": draw(st.sampled_from(names)), "props": item | {"order_id": name, "revenue": 5.0}}
    elif kind == "offer":
        said |= {
            "name": draw(st.sampled_from(["Offer Viewed", "Offer Dismissed"])),
            "props": {"campaign": "c"},
        }
    if kind not in ("track", "offer"):
        said["type"] = kind
    return event(name, minutes, visitor, user, **said)


def streams(visitors: Sequence[str] = BROWSERS, proven: bool = False) -> st.SearchStrategy[list[Event]]:
    return st.integers(1, 20).flatmap(
        lambda count: st.tuples(*(told(number, visitors, proven) for number in range(count))).map(list)
    )


def plain(profile: Profile | None) -> dict[str, Any]:
    assert profile is not None
    fold.trim(profile)
    return {name: getattr(profile, name) for name in profile.__struct_fields__ if name != "fed"}


@QUIET
@given(events=streams(), batch=st.integers(1, 6))
def test_a_browser_sees_what_it_would_had_it_claimed_nothing(
    sites: Sites, tmp_path: Path, events: list[Event], batch: int
) -> None:
    claiming = counted(sites, tmp_path, events, batch)
    silent = counted(sites, tmp_path, [msgspec.structs.replace(one, user=None) for one in events])
    for visitor in {one.visitor for one in events}:
        assert plain(find(claiming, visitor)) == plain(find(silent, visitor))
        assert find(claiming, visitor).id == f"v:{visitor}"


@QUIET
@given(events=streams())
def test_every_event_is_added_to_one_customer_at_most(
    sites: Sites, tmp_path: Path, events: list[Event]
) -> None:
    here = counted(sites, tmp_path, events)
    people = [one for one in here.all_profiles() if not one.feeds_customer]
    assert sum(one.counts.events for one in people) == len(events)
    assert here.store.count("default") == len([one for one in people if one.counts.events])
    assert {one.id: one.counts.events for one in people} == {
        name: sum(ids.values()) for name, ids in here.counted().items()
    }


@QUIET
@given(mine=streams(["own"], proven=True), theirs=streams(), data=st.data())
def test_claims_decide_nothing_of_a_proven_customer(
    sites: Sites, tmp_path: Path, mine: list[Event], theirs: list[Event], data: st.DataObject
) -> None:
    """Whatever strangers say in between, and before: as if they had named nobody."""
    order = data.draw(st.permutations([0] * len(mine) + [1] * len(theirs)))
    left = [iter(mine), iter(theirs)]
    mixed = [next(left[which]) for which in order]
    proof = [
        event(f"in-{n}", 500, "own", user, type="identify", received=START + 10**9 + n)
        for n, user in enumerate(CUSTOMERS)
    ]
    heard = counted(sites, tmp_path, [*mixed, *proof])
    silent = counted(
        sites,
        tmp_path,
        [
            *[one if one.visitor == "own" else msgspec.structs.replace(one, user=None) for one in mixed],
            *proof,
        ],
    )
    for user in CUSTOMERS:
        now, alone = find(heard, user=user), find(silent, user=user)
        for name in DECIDED:
            assert getattr(now, name) == getattr(alone, name), name
        sure = {name: value for name, value in now.traits.items() if name not in now.claims}
        assert sure == alone.traits
        assert now.lang in ("own", "")  # whoever was seen last decides it, among those who may
    assert find(heard, "own").id == find(silent, "own").id


def claim(name: str, minutes: float, visitor: str | None, user: str, **fields: Any) -> Event:
    return event(name, minutes, visitor, user, proven=False, **{"type": "identify"} | fields)


def proof(name: str, minutes: float, visitor: str | None, user: str, **fields: Any) -> Event:
    return event(name, minutes, visitor, user, **{"type": "identify"} | fields)


def viewed(name: str, minutes: float, visitor: str, product: str) -> Event:
    return event(name, minutes, visitor, name="Product Viewed", props={"product_id": product})


def test_a_claim_shows_the_site_one_person_and_the_browser_itself(sites: Sites, tmp_path: Path) -> None:
    here = counted(
        sites,
        tmp_path,
        [
            proof("1", 0, "own", "kim", traits={"email": "kim@example.com"}),
            viewed("2", 1, "own", "ring"),
            viewed("3", 2, "b2", "sock"),
            claim("4", 3, "b2", "kim", traits={"email": "evil@example.com", "hat": "red"}),
            viewed("5", 4, "b2", "shoe"),
        ],
    )
    kim, own = find(here, user="kim"), find(here, "b2")
    assert (kim.counts.events, [item.item for item in kim.items]) == (5, ["ring", "sock", "shoe"])
    assert (own.id, own.counts.events, [item.item for item in own.items]) == ("v:b2", 3, ["sock", "shoe"])
    assert (kim.traits, kim.claims) == ({"email": "kim@example.com", "hat": "red"}, ["hat"])
    assert (kim.visitors, kim.claimants, own.fed) == (["own"], ["b2"], ["kim"])
    assert {here.warehouse.profile_of(row.profile) for row in here.warehouse.rows} == {"u:kim"}
    assert {row.id: row.proven for row in here.warehouse.rows} == {
        "1": True, "2": None, "3": None, "4": False, "5": None,
    }  # fmt: skip
    here.log.append(records([claim(f"c{n}", 5 + n, "b2", "kim") for n in range(5)]))
    here.run(batch=2)
    assert [alias.old for alias in here.warehouse.aliases if alias.kind == "profile"] == ["v:own", "v:b2"]


def test_a_proof_after_a_claim_adds_nothing_twice(sites: Sites, tmp_path: Path) -> None:
    cart = {"product_id": "sock", "quantity": 2, "price": 3.0}
    here = counted(
        sites,
        tmp_path,
        [
            event("1", 0, "b2", name="Product Added", props=cart),
            event("2", 1, "b2", type="consent", props={"marketing": False}),
            claim("3", 2, "b2", "kim", traits={"plan": "gold"}),
            event("4", 3, "b2", name="Product Added", props=cart),
            proof("5", 4, "b2", "kim"),
            event("6", 5, "b2", name="Product Added", props=cart),
            proof("7", 6, "b2", "kim"),
        ],
    )
    kim = find(here, "b2")
    assert (kim.id, kim.counts.events, kim.counts.adds, kim.cart["sock"].quantity) == ("u:kim", 7, 3, 3.0)
    assert (kim.consent, kim.traits, kim.claims) == ({"marketing": False}, {"plan": "gold"}, [])
    assert (kim.proven, kim.visitors, kim.claimants) == (True, ["b2"], [])
    assert here.store.entries("default")["v:b2"] == Alias("u:kim")


@pytest.mark.parametrize("writes", range(8))
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_proof_that_is_read_again_adds_nothing_twice(
    sites: Sites, tmp_path: Path, writes: int, batch: int
) -> None:
    """Killed after any write, the customer's before the alias included."""
    cart = {"product_id": "sock", "quantity": 1, "price": 3.0}
    told = [
        proof("1", 0, "own", "kim"),
        event("2", 1, "b2", name="Product Added", props=cart),
        claim("3", 2, "b2", "kim"),
        event("4", 3, "b2", name="Offer Viewed", props={"campaign": "c"}),
        proof("5", 4, "b2", "kim"),
    ]
    here = Installation(sites, tmp_path, 1)
    here.log.append(records(told))
    dying = MortalStore(here.store)
    dying.left = writes
    here.run(batch, dying)
    here.run(batch=3)
    kim = find(here, "b2")
    assert (kim.id, kim.counts.events, kim.cart["sock"].quantity) == ("u:kim", 5, 1.0)
    assert kim.exposure["c"].views == 1
    assert sorted(row.id for row in here.warehouse.rows) == ["1", "2", "3", "4", "5"]


def test_what_claims_decided_of_a_customer_is_void_once_they_prove_it(sites: Sites, tmp_path: Path) -> None:
    evil = [
        claim("1", 0, "evil", "kim", traits={"email": "evil@example.com"}),
        event("2", 1, "evil", type="consent", props={"marketing": True}),
        event("3", 2, "evil", name="Product Added", props={"product_id": "spam"}),
        event("4", 3, "evil", name="Offer Dismissed", props={"campaign": "c"}),
    ]
    known = find(counted(sites, tmp_path, evil), user="kim")
    assert (known.proven, known.consent, known.claims) == (False, {"marketing": True}, ["email"])
    here = counted(sites, tmp_path, [*evil, proof("5", 4, "own", "kim")])
    kim = find(here, "own")
    assert (kim.consent, kim.cart, kim.exposure, kim.claims) == ({}, {}, {}, ["email"])
    here = counted(sites, tmp_path, [*evil, proof("5", 4, "own", "kim", traits={"email": "kim@example.com"})])
    assert (find(here, "own").traits, find(here, "own").claims) == ({"email": "kim@example.com"}, [])


def test_a_customer_s_browser_that_claims_to_be_another_is_itself_again(sites: Sites, tmp_path: Path) -> None:
    here = counted(
        sites,
        tmp_path,
        [proof("1", 0, "tablet", "kim"), viewed("2", 1, "tablet", "ring"), claim("3", 2, "tablet", "lee")],
    )
    own = find(here, "tablet")
    assert (own.id, own.items, own.counts.events, own.fed) == ("v:tablet", [], 1, ["lee", "kim"])
    assert (find(here, user="kim").counts.events, find(here, user="lee").counts.events) == (2, 1)


def test_a_stranger_renames_and_merges_nobody(sites: Sites, tmp_path: Path) -> None:
    alias = {"type": "alias", "props": {"previousId": "kim"}}
    here = counted(
        sites,
        tmp_path,
        [
            proof("1", 0, "own", "kim"),
            proof("2", 0, "hers", "lee"),
            claim("3", 1, "evil", "me", **alias),
            claim("4", 2, None, "me", **alias),
            claim("5", 3, "evil", "lee", **alias),
            claim("6", 4, "kim", "me", **alias),
        ],
    )
    assert [find(here, user=user).id for user in ("kim", "lee", "me")] == ["u:kim", "u:lee", "u:me"]
    assert (find(here, "own").id, find(here, "hers").id, find(here, "evil").id) == (
        "u:kim",
        "u:lee",
        "v:evil",
    )
    # A visitor of the customer's name, whom the stranger made up, is not in the way of the site's own renaming.
    here.log.append(records([event("7", 5, None, "new", type="alias", props={"previousId": "kim"})]))
    here.run(batch=3)
    assert (find(here, user="kim").id, find(here, "own").id) == ("u:new", "u:new")


def test_what_claims_may_fill_is_bounded(sites: Sites, tmp_path: Path) -> None:
    swarm = [claim(f"s{n}", 1, f"b{n}", "kim", traits={f"t{n}": "x"}) for n in range(100)]
    one = [claim(f"o{n}", 1, "one", f"nobody{n}") for n in range(20)]
    here = counted(
        sites,
        tmp_path,
        [
            proof("1", 0, "own", "kim"),
            *swarm,
            *one,
            proof("2", 2, "own", "kim", traits={f"mine{n}": n for n in range(60)}),
        ],
    )
    kim, own = find(here, user="kim"), find(here, "one")
    assert kim.counts.events == 102
    assert (len(kim.claimants), len(kim.traits), kim.claims) == (VISITORS_KEPT, 60, [])
    assert len(kim.positions) <= fold.POSITIONS_KEPT and "own" in kim.positions
    assert (len(own.fed), own.fed[0], own.fed[-1]) == (CUSTOMERS_KEPT, "nobody19", "nobody0")


EVIL = "203.0.113.0"


def bought(
    order_id: str, name: str, minutes: float, user: str, revenue: float, visitor: str | None = None
) -> Event:
    """An order told with the public key, of whom it claims to be; ``of_site`` makes it the server's."""
    props = {"order_id": name, "revenue": revenue, "products": [{"product_id": "p", "price": revenue}]}
    said = {"name": "Order Completed", "props": props, "sender": EVIL}
    return event(order_id, minutes, visitor, user, type="track", proven=False, **said)


def of_site(told_of: Event) -> Event:
    return msgspec.structs.replace(told_of, proven=True, sender=SITE)


@pytest.mark.parametrize("visitor", [None, "evil"])
@pytest.mark.parametrize("claimed_first", [True, False])
def test_who_guesses_an_order_s_number_or_its_message_s_id_takes_nothing_of_it(
    sites: Sites, tmp_path: Path, visitor: str | None, claimed_first: bool
) -> None:
    known = [proof("1", 0, None, "kim"), proof("2", 0, None, "lee")]
    guesses = [bought("m-1", "none", 1, "kim", 0.01, visitor), bought("x", "o-2", 1, "lee", 0.01, visitor)]
    if visitor and not claimed_first:
        guesses = [
            msgspec.structs.replace(each, user=None, visitor=f"{visitor}{n}")
            for n, each in enumerate(guesses)
        ]
        claims = [
            event(f"c{n}", 2, f"{visitor}{n}", who, type="identify", sender=EVIL)
            for n, who in ((0, "kim"), (1, "lee"))
        ]
        guesses += claims
    real = [of_site(bought("m-1", "o-1", 3, "kim", 40.0)), of_site(bought("m-2", "o-2", 3, "lee", 40.0))]
    here = counted(sites, tmp_path, [*known, *guesses, *real, *real])
    kim, lee = find(here, user="kim"), find(here, user="lee")
    assert kim.counts.revenue == 40.01, "what is claimed is added, nothing is taken away"
    assert (lee.counts.orders, lee.counts.revenue) == (1, 40.0)


def test_a_claimant_who_is_erased_takes_no_order_of_the_shop_s_along(sites: Sites, tmp_path: Path) -> None:
    real = [of_site(bought(f"m-{n}", f"o-{n}", n, "kim", 40.0)) for n in range(2)]
    again = [bought(f"x-{n}", f"o-{n}", 3, "kim", 3.0, "evil") for n in range(2)]
    later = of_site(bought("m-9", "o-9", 6, "kim", 40.0))
    here = counted(
        sites,
        tmp_path,
        [
            *real,
            *again,
            bought("x-8", "o-8", 4, "kim", 3.0, "evil"),
            bought("x-9", "o-9", 5, "kim", 3.0, "evil"),
            later,
        ],
    )
    kim, evil = find(here, user="kim"), find(here, "evil")
    assert (kim.counts.orders, kim.counts.revenue, evil.counts.orders) == (4, 123.0, 4)
    identity.forget(kim, evil)
    assert (kim.counts.orders, kim.counts.revenue) == (3, 120.0)
    assert kim.event_counts["Order Completed"].count == 3


def test_a_claim_that_was_told_twice_has_its_row_after_a_crash(sites: Sites, tmp_path: Path) -> None:
    """The browser was separated from the customer in between, and knows the event by the second message only."""
    events = [
        event("e2", 0, "a1", "lee", type="identify", proven=True),
        event("e3", 1, "a1", "lee", type="identify", proven=False),
        event("e5", 2, "a1", "kim", type="identify", proven=False),
        event("e3", 1, "a1", "lee", type="identify", proven=False),
    ]
    here = counted(sites, tmp_path, events[:1])
    here.log.append(records(events[1:]))
    dead = here.worker(batch=10)
    while dead.step():
        pass  # it saves the profiles, and dies before it stores a row
    here.bury(dead)
    dead.close()
    here.run(batch=1)
    assert sorted(row.id for row in here.warehouse.rows) == ["e2", "e3", "e5"]
    lee = find(here, user="lee")
    assert lee.counts.events == 2
