"""Products in carts and orders against what a naive count of a small shop's week says."""

import json
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.question.span import Span
from warehouse.reports.products import Pair, Search, product_report
from warehouse.tables.schema import EventRow

SPAN = Span(NOON - DAY_MS, NOON + DAY_MS, ZoneInfo("UTC"))
PRICES = {f"p{number}": 10.0 * (number + 1) for number in range(5)}


def event(ts: int, name: str, session: str, **more: object) -> EventRow:
    return row(
        ts, id=f"{session}{ts}{name}", type="track", name=name, profile=session, session=session, **more
    )


def line(product: str, quantity: float = 1) -> dict[str, object]:
    return {"product": product, "category": f"c{product[1]}", "quantity": quantity, "price": PRICES[product]}


def week(seed: int) -> list[EventRow]:
    chance = random.Random(seed)
    rows = []
    for number in range(40):
        session, ts, cart = f"s{number}", NOON + number, []
        for _ in range(chance.randint(1, 8)):
            ts += 1000
            product = chance.choice(list(PRICES))
            name = chance.choice(["Product Viewed", "Product Added", "Product Removed"])
            rows.append(event(ts, name, session, **line(product)))
            if name == "Product Added":
                cart.append(product)
        if cart and chance.random() < 0.4:
            items = [line(product, cart.count(product)) for product in sorted(set(cart))]
            more = {"order": f"o{number}", "items": items, "revenue": 1.0}
            rows += [
                event(ts + number % 2, "Order Completed", session, **more)
                for number in range(chance.choice([1, 2]))
            ]
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_a_naive_count(tmp_path: Path, seed: int) -> None:
    rows = week(seed)
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([*rows, event(NOON, "Product Viewed", "bot", **line("p1"), bot=True)], [], {})
    found = product_report(warehouse, "default", SPAN, "EUR")
    orders = {each.order: each for each in rows if each.name == "Order Completed"}
    for sold in found.products:
        of_it = [each for each in rows if each.product == sold.name]
        assert sold.views == sum(each.name == "Product Viewed" for each in of_it)
        assert sold.viewers == len({each.profile for each in of_it if each.name == "Product Viewed"})
        assert sold.added == sum(each.name == "Product Added" for each in of_it)
        lines = [item for order in orders.values() for item in order.items if item["product"] == sold.name]
        assert sold.bought == sum(item["quantity"] for item in lines)
        assert sold.revenue == sum(item["quantity"] * item["price"] for item in lines)
        assert sold.buyers == len(
            {
                each.profile
                for each in orders.values()
                if any(item["product"] == sold.name for item in each.items)
            }
        )
    carts, abandoned, value = 0, 0, 0.0
    for session in {each.session for each in rows}:
        mine = [each for each in rows if each.session == session]
        kept = {
            product: sum(
                (each.name == "Product Added") - (each.name == "Product Removed")
                for each in mine
                if each.product == product
            )
            for product in PRICES
        }
        ordered = any(each.name == "Order Completed" for each in mine)
        touched = any(each.name in ("Product Added", "Product Removed") for each in mine)
        if ordered or any(count > 0 for count in kept.values()):
            carts += touched
        if not ordered and any(count > 0 for count in kept.values()):
            abandoned += 1
            value += sum(count * PRICES[product] for product, count in kept.items() if count > 0)
    assert (found.carts, found.abandoned, found.value) == (carts, abandoned, value)
    assert sum(each.value for each in found.left) == value
    pairs: dict[tuple[str, str], int] = {}
    for order in orders.values():
        names = sorted({str(item["product"]) for item in order.items})
        for at, first in enumerate(names):
            for second in names[at + 1 :]:
                pairs[first, second] = pairs.get((first, second), 0) + 1
    assert {(pair.first, pair.second): pair.orders for pair in found.pairs} == pairs
    assert all(isinstance(pair, Pair) for pair in found.pairs)
    assert sum(each.revenue for each in found.categories) == sum(each.revenue for each in found.products)


def test_searches_in_vain_come_first(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    searched = [("Boots", 3), ("boots ", 0), ("운동화", 0), ("운동화", 0), ("hat", None), ("", 0)]
    rows = [
        event(
            NOON + at,
            "Products Searched",
            f"s{at % 2}",
            props=json.dumps({"query": term, "results": results}),
        )
        for at, (term, results) in enumerate(searched)
    ]
    warehouse.append(rows, [], {})
    assert product_report(warehouse, "default", SPAN, "EUR").searches == (
        Search("운동화", 2, 2, 2),
        Search("boots", 2, 2, 1),
        Search("hat", 1, 1, 0),
    )


def test_an_empty_shop(tmp_path: Path) -> None:
    found = product_report(Warehouse(str(tmp_path)), "default", SPAN, "EUR")
    assert (found.carts, found.abandoned, found.value, found.products) == (0, 0, 0, ())
