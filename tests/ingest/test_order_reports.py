"""Profiles and reports read the same orders: what ingest stores of any transitions, both count alike."""

import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.ingest_streams import START, event
from tests.support.order_files import OrderShop
from tracker.durations import DAY_MS
from tracker.event import SITE, Event
from tracker.sites import Site
from warehouse.feeds.purchase_days import purchase_days
from warehouse.question.span import Span
from warehouse.reports.overview import overview

SHOP = Site(id="default", write_key="w", secret_key="s", currency="EUR")
SPAN = Span(START - DAY_MS, START + 30 * DAY_MS, ZoneInfo("UTC"))
AMOUNTS = ["49.90 EUR", "19,99 €", 0.1, 0.2, "1.234,50 EUR", 12.5, "120.00 USD"]


def transition(draw: random.Random, number: int) -> Event:
    name = draw.choice(["Completed"] * 5 + ["Updated", "Refunded", "Refunded", "Cancelled"])
    lines = [
        {"product_id": product, "quantity": draw.randint(1, 3), "price": 9.9}
        for product in draw.sample(["cup", "pot", "tea"], draw.randint(0, 2))
    ]
    props: dict[str, Any] = {"products": lines} if lines else {}
    if name != "Cancelled" and draw.random() < 0.9:
        props["revenue"] = draw.choice(AMOUNTS)
    if name == "Refunded":
        props |= {
            "refund_id": draw.choice(["r1", "r2", "r3"]),
            "revenue": draw.choice([0.1, "5,00 €", 12.5, 3]),
        }
        if lines and draw.random() < 0.5:  # what is given back, at the order's prices
            props["products"] = [{key: line[key] for key in ("product_id", "quantity")} for line in lines]
            del props["revenue"]
    order = draw.choice(["10000001", 10000002, 10000003.0, "o-4", "o-5", "o-6"])
    if name == "Cancelled":
        order = "o-6"
    user = f"c{draw.randint(1, 3)}"
    sender = SITE if name != "Completed" else draw.choice([SITE, "203.0.113.0"])
    visitor = None if sender == SITE else f"v-{user}"
    more = {"order_id": order} if name != "Refunded" or draw.random() < 0.8 else {}
    return event(
        f"e{number}", draw.randrange(20_000), visitor, user, name=f"Order {name}", props=props | more, sender=sender,
        proven=True,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_profiles_and_reports_count_the_same_orders(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    told = [transition(draw, number) for number in range(60)]
    told += draw.sample(told, 6)
    draw.shuffle(told)
    shop = OrderShop(tmp_path, SHOP)
    for at in range(0, len(told), 20):
        shop.tell(told[at : at + 20])
    found = overview(shop.warehouse, "default", SPAN, "EUR")
    people = {each.id: each.counts for each in shop.profiles.people("default")}
    foreign = sum(each.orders for each in found.other_currencies)
    assert found.orders + foreign == sum(each.orders for each in people.values()) > 0
    revenue = sum((Decimal(str(each.revenue)) for each in people.values()), Decimal(0))
    assert Decimal(str(found.revenue)) == revenue
    bought: dict[str, int] = defaultdict(int)
    for each in purchase_days(shop.warehouse, "default", SPAN, "EUR").to_pylist():
        bought[each["profile"]] += each["orders"]
    assert {who: orders for who, orders in bought.items() if orders} == {
        who: each.orders for who, each in people.items() if each.orders
    }


def test_lines_without_prices_are_given_back_at_the_orders_prices(tmp_path: Path) -> None:
    def told(number: int, name: str, order: str, user: str, **props: Any) -> Event:
        given = {"order_id": order, **props}
        return event(
            f"e{number}", number, None, user, name=f"Order {name}", props=given, sender=SITE, proven=True
        )

    cups = {"product_id": "cup", "quantity": 3, "price": 10}
    pot = {"product_id": "pot", "quantity": 1, "price": "19.99"}
    shop = OrderShop(tmp_path, SHOP)
    shop.tell(
        [
            told(1, "Refunded", "o1", "kim", refund_id="r", products=[{"product_id": "cup", "quantity": 1}]),
            told(2, "Completed", "o1", "kim", revenue=54.99, products=[cups, pot]),  # shipping is 5
            told(3, "Completed", "o2", "lee", products=[cups, pot]),
            told(4, "Refunded", "o2", "lee", products=[{"product_id": "cup", "quantity": 7}]),
            told(5, "Refunded", "o2", "lee", products=[{"product_id": "pot"}]),
            told(6, "Completed", "o3", "park", revenue=30),
            told(7, "Refunded", "o3", "park", products=[{"product_id": "cup", "quantity": 1}]),
        ]
    )
    found = overview(shop.warehouse, "default", SPAN, "EUR")
    people = {each.id: (each.counts.orders, each.counts.revenue) for each in shop.profiles.people("default")}
    assert (found.orders, found.revenue) == (1, 44.99)
    assert people == {"u:kim": (1, 44.99), "u:lee": (0, 0.0), "u:park": (0, 0.0)}
