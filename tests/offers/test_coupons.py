"""Coupons on a real Redis: one code a person, no code twice, and what orders redeemed."""

import json
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from offers.campaign.campaign import CampaignInvalid
from offers.campaign.document import parse
from offers.coupons.codes import LETTERS, POOL_LIMIT, CouponsInvalid, checked, new_codes
from offers.coupons.pool import NETWORK_LEAST, CouponStore, Pool
from offers.coupons.redemption import NAMES, Redemptions, redemptions
from offers.decision.decider import Decider
from profiles.model import Profile
from profiles.sansio import run_sync
from tests.support.decisions import decided
from tests.support.offers import SIGNER, Fixed, Uncapped, written
from tests.support.sites import UTC_SITE
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.feeds.coupon_orders import CouponOrder, coupon_orders


@pytest.fixture
def store(redis_url: str) -> CouponStore:
    return CouponStore(redis_url, timeout=10)


def issued(store: CouponStore, who: str, network: str = "", pool: str = "ten") -> str:
    """As a decision does: a look first, and the code when it is shown."""
    if not run_sync(store.available("default", pool, who, network)):
        return ""
    return run_sync(store.issue("default", pool, who, network))


@pytest.mark.redis
def test_a_person_keeps_one_code_and_no_code_is_issued_twice(store: CouponStore, redis_url: str) -> None:
    codes = [f"C{number}" for number in range(100)]
    assert store.add("default", "ten", codes) == 100
    assert store.add("default", "ten", [*codes, "C100"]) == 1, "what is there stays as it is"
    given: dict[str, set[str]] = {f"p{number}": set() for number in range(60)}

    def ask(seed: int) -> None:
        mine, draw = CouponStore(redis_url, timeout=10), random.Random(seed)
        for _ in range(200):
            who = draw.choice(list(given))
            given[who].add(issued(mine, who))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {len(codes) for codes in given.values()} == {1}
    assert max(Counter(code for codes in given.values() for code in codes).values()) == 1
    assert store.pool("default", "ten") == Pool("ten", 41, 60)
    assert set(store.issued("default", "ten")) == {code for codes in given.values() for code in codes}


@pytest.mark.redis
def test_an_empty_pool_gives_nothing_but_to_those_who_have_a_code(store: CouponStore) -> None:
    store.add("default", "ten", ["A", "B"])
    assert [issued(store, who) for who in ("kim", "lee", "park", "kim", "lee")] == ["A", "B", "", "A", "B"]
    assert issued(store, "kim", pool="other") == ""


@pytest.mark.redis
def test_made_up_visitors_of_one_network_do_not_empty_a_pool(store: CouponStore) -> None:
    store.add("default", "ten", [f"C{number}" for number in range(20)])
    taken = [issued(store, f"v{number}", "10.0.0.0/24") for number in range(20)]
    assert len([code for code in taken if code]) == max(NETWORK_LEAST, 5)
    assert issued(store, "v1", "10.0.0.0/24") == taken[1], "one's own code is no new one"
    assert issued(store, "other", "10.0.1.0/24")
    assert issued(store, "the shop's server asks")


@pytest.mark.redis
def test_an_erased_person_is_forgotten_and_the_code_stays_issued(store: CouponStore, redis_url: str) -> None:
    store.add("default", "ten", ["A", "B"])
    assert issued(store, "kim") == "A"
    store.forget("default", ["kim", "nobody"])
    assert store.issued("default", "ten") == ["A"]
    assert issued(store, "kim") == "B", "a new person"
    assert store.remove("default", "ten") and not store.remove("default", "ten")
    assert store.pools("default") == []


def campaign(**changes: object) -> dict[str, object]:
    creative = {"id": "a", "kind": "html", "content": "<b>{{ coupon }}</b>"}
    return written(audience=None, coupons="ten", creatives=[creative], **changes)


@pytest.mark.redis
def test_a_decision_brings_the_code_and_the_next_campaign_where_none_is_left(store: CouponStore) -> None:
    store.add("default", "ten", ["<A>"])
    plain = written(id="plain", audience=None, priority=-1)
    decider = Decider(Fixed(campaign(), plain), Uncapped(), SIGNER, coupons=store)
    first = decided(decider, UTC_SITE, Profile("v:1", visitors=["1"]), "hero")
    assert first and (first.coupon, first.content) == ("<A>", "<b>&lt;A&gt;</b>")
    other = decided(decider, UTC_SITE, Profile("v:2", visitors=["2"]), "hero")
    assert other and (other.campaign, other.coupon) == ("plain", "")
    again = decided(decider, UTC_SITE, Profile("u:7", visitors=["1"], subject="1"), "hero")
    assert again and again.coupon == "<A>", "the same person, signed in since"


@pytest.mark.redis
def test_whoever_is_held_out_takes_no_code(store: CouponStore) -> None:
    store.add("default", "ten", [f"C{number}" for number in range(40)])
    decider = Decider(Fixed(campaign(holdout=0.5)), Uncapped(), SIGNER, coupons=store)
    shown = [decided(decider, UTC_SITE, Profile(f"v:{n}", visitors=[str(n)]), "hero") for n in range(30)]
    told = sum(each is not None for each in shown)
    assert 5 < told < 25
    assert store.pool("default", "ten") == Pool("ten", 40 - told, told)


def test_without_a_store_the_campaign_is_shown_to_nobody() -> None:
    unreachable = CouponStore("redis://127.0.0.1:1/0", timeout=0.2)
    for coupons in (None, unreachable):
        decider = Decider(Fixed(campaign(tier="fallback", caps=None)), Uncapped(), SIGNER, coupons=coupons)
        profile = Profile("v:1", visitors=["1"])
        assert decided(decider, UTC_SITE, profile, "hero") is None
        assert decider.fallbacks(UTC_SITE, profile, ["hero"]) == {}


def test_a_placeholder_needs_a_pool() -> None:
    assert parse(campaign()).coupons == "ten"
    with pytest.raises(CampaignInvalid, match="pool of codes"):
        parse(campaign() | {"coupons": ""})
    with pytest.raises(CampaignInvalid) as refused:
        parse(campaign() | {"coupons": "not a name"})
    assert refused.value.field == "coupons"


def test_codes_are_checked_and_made() -> None:
    assert checked([" a ", "b", "A"]) == ["a", "b"]
    for bad in ("", " ", 7, None, "x" * 65, "a\nb"):
        with pytest.raises(CouponsInvalid):
            checked(["fine", bad])
    made = new_codes(500, "xmas-")
    assert len(set(made)) == 500 and all(code.startswith("XMAS-") for code in made)
    assert set("".join(code[5:] for code in made)) <= set(LETTERS)
    for count in (0, POOL_LIMIT + 1):
        with pytest.raises(CouponsInvalid):
            new_codes(count)


def order(number: str, revenue: float = 10.0, currency: str = "", **props: object) -> CouponOrder:
    return CouponOrder(number, NOON, revenue, currency, json.dumps(props))


def test_orders_redeem_the_codes_that_they_name() -> None:
    orders = [
        order("1", 40.1, coupon=" a1 ", discount="4,00"),
        order("2", 20.2, discount_codes=[{"code": "B2"}, {"code": "OTHER"}], total_discounts="2.02"),
        order("3", 30.0, "USD", coupon="A1", discount=3),
        order("4", 5.0, coupon="A1"),
        order("5", 99.0, coupon="NOT-OURS", discount=50),
        order("6", 99.0, coupon={"code": "C3"}, discount="x"),
        order("7", 99.0, discount=9),
    ]
    found = redemptions(orders, ["A1", "b2", "C3", "D4"], "EUR")
    assert found == Redemptions(orders=5, codes=3, revenue=164.3, discount=6.02, untold=3)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_a_coupon_is_read(name: str) -> None:
    for value in ("A1", ["x", "A1"], [{"code": "a1"}], "x, a1"):
        assert redemptions([order("1", **{name: value, "discount": 1})], ["A1"], "EUR").orders == 1
    for value in (None, 7, [], [7], {}, ""):
        assert redemptions([order("1", **{name: value})], ["A1"], "EUR").orders == 0


def test_an_order_is_read_once_as_the_site_tells_it_and_not_when_cancelled(tmp_path: Path) -> None:
    def told(number: str, ts: int, **more: object) -> object:
        props = json.dumps({"coupon": "A1", "discount": 1})
        completed = {
            "type": "track",
            "name": "Order Completed",
            "order": number,
            "props": props,
            "revenue": 9.0,
        }
        return row(ts, **{**completed, "id": f"{number}{ts}", "sender": "net", **more})

    warehouse = Warehouse(str(tmp_path))
    site = {"sender": "site", "revenue": 8.0, "repeated": True}
    warehouse.append(
        [
            told("o1", NOON),
            told("o1", NOON + 5, **site),
            told("o2", NOON + 1),
            told("o2", NOON + 2, name="Order Cancelled", revenue=None, props="{}"),
            told("o3", NOON + 2, name="Order Cancelled", revenue=None, props="{}", doubtful=True),
            told("o3", NOON + 3),
            told("o4", NOON - DAY_MS),
            told("o4", NOON + 4),
            told("o5", NOON + 4, props='{"note": 1}'),
            told("o6", NOON + 4, doubtful=True, repeated=True),
        ],
        [],
        {},
    )
    found = coupon_orders(warehouse, "default", NOON, NOON + DAY_MS, "EUR")
    assert [(each.number, each.ts, each.revenue) for each in found] == [
        ("o1", NOON, 8.0),
        ("o3", NOON + 3, 9.0),
    ]
