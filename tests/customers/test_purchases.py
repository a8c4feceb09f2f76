"""Purchases of a site as columns: from orders in a real warehouse, net of what was given back."""

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from customers.purchases.history import History, from_table, history
from customers.purchases.summary import customers
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.delta import Warehouse
from warehouse.feeds.purchase_days import purchase_days
from warehouse.question.span import Span
from warehouse.tables.schema import EventRow

SEOUL = ZoneInfo("Asia/Seoul")
SPAN = Span(NOON - 400 * DAY_MS, NOON + 30 * DAY_MS, SEOUL)
TODAY = NOON // DAY_MS
MIDNIGHT = NOON + 3 * HOUR_MS  # of Seoul


def order(
    profile: str,
    ts: int,
    revenue: float | None,
    number: str | None,
    name: str = "Order Completed",
    **more: object,
) -> EventRow:
    return row(ts, id=f"{profile}-{number}-{ts}-{name}", type="track", name=name, profile=profile,
               order=number, revenue=revenue, **more)  # fmt: skip


def shop(folder: Path, *rows: EventRow) -> Warehouse:
    warehouse = Warehouse(str(folder))
    warehouse.append(list(rows), [], {})
    return warehouse


def told(warehouse: Warehouse, site: str = "default") -> dict[str, list[tuple[int, int, float, float]]]:
    """By person: (days after TODAY, orders, gross, revenue)."""
    found: dict[str, list[tuple[int, int, float, float]]] = {}
    for each in purchase_days(warehouse, site, SPAN, "EUR").to_pylist():
        mine = each["day"] - TODAY, each["orders"], each["gross"], each["revenue"]
        found.setdefault(each["profile"], []).append(mine)
    return found


def test_days_are_the_sites_and_an_order_told_twice_is_one(tmp_path: Path) -> None:
    warehouse = shop(
        tmp_path,
        order("a", MIDNIGHT - 60_000, 10.0, "1"),
        order("a", MIDNIGHT + 60_000, 20.0, "2"),
        order("a", MIDNIGHT + 90_000, 20.0, "2"),
        order("a", MIDNIGHT + 120_000, 5.0, "3"),
        row(NOON, profile="visitor"),
        order("dollars", NOON, 7.0, "4", currency="USD"),
    )
    assert told(warehouse) == {
        "a": [(0, 1, 10.0, 10.0), (1, 2, 25.0, 25.0)],
        "dollars": [(0, 1, 0.0, 0.0)],
    }, "an order in another currency counts without its money"
    assert told(warehouse, "other") == {}


def test_what_was_given_back_is_no_revenue_and_no_purchase(tmp_path: Path) -> None:
    warehouse = shop(
        tmp_path,
        order("whole", NOON, 50.0, "1"),
        order("whole", NOON + DAY_MS, -80.0, "1", "Order Refunded"),
        order("part", NOON, 50.0, "2"),
        order("part", NOON + DAY_MS, -20.0, "2", "Order Refunded", refund="r"),
        order("cancelled", NOON, 50.0, "3"),
        order("cancelled", NOON, None, "3", "Order Cancelled"),
        order("noted", NOON - 9 * DAY_MS, 30.0, "4"),
        order("noted", NOON, 50.0, "5"),
        order("noted", NOON + DAY_MS, -60.0, None, "Order Refunded"),
        order("only a note", NOON, -5.0, None, "Order Refunded"),
    )
    assert told(warehouse) == {
        "whole": [(0, 0, 50.0, 0.0)],
        "part": [(0, 1, 50.0, 30.0)],
        "cancelled": [(0, 0, 50.0, 0.0)],
        "noted": [(-9, 1, 30.0, 20.0), (0, 1, 50.0, 0.0)],
    }, "a credit note takes off what was bought last before it"
    known = history(warehouse, "default", SPAN, "EUR")
    buyers = customers(known, TODAY + 9)
    assert known.profiles.take(buyers.rows).to_pylist() == ["noted", "part"]
    assert buyers.summary.spend.tolist() == [20.0, 30.0] and buyers.summary.age.tolist() == [17.0, 8.0]


def test_costs_are_those_that_the_site_told_or_its_products_have(tmp_path: Path) -> None:
    def lines(*given: tuple[str, float, float]) -> list[dict[str, object]]:
        return [
            {"product": name, "category": "c", "quantity": many, "price": price}
            for name, many, price in given
        ]

    cost = '{"cost": 60}'
    warehouse = shop(
        tmp_path,
        order("told", NOON, 100.0, "1", props=cost, sender="site", items=lines(("p", 10.0, 10.0))),
        order("stranger", NOON, 100.0, "2", props=cost, sender="abc"),
        order("lines", NOON, 100.0, "3", items=lines(("p", 2.0, 30.0), ("q", 1.0, 40.0))),
        order("part", NOON, 100.0, "4", props=cost, sender="site"),
        order("part", NOON + 1000, -50.0, "4", "Order Refunded", refund="r"),
        order("noted", NOON, 100.0, "5", props=cost, sender="site"),
        order("noted", NOON + 1000, -25.0, None, "Order Refunded"),
        order("dollars", NOON, 100.0, "6", props='{"cost": 60, "currency": "USD"}', sender="site"),
    )
    found = purchase_days(warehouse, "default", SPAN, "EUR", {"p": 10.0}).to_pylist()
    assert {each["profile"]: (each["revenue"], each["cost"], each["costed"]) for each in found} == {
        "told": (100, 60, 100), "stranger": (100, 0, 0), "lines": (100, 20, 60), "part": (50, 30, 50),
        "noted": (75, 45, 75), "dollars": (100, 0, 0),
    }  # fmt: skip


def made(purchases: list[tuple[int, int, bool]]) -> History:
    """Of (person, day, stands), worth 10 where it stands."""
    ordered = sorted({(person, day): stands for person, day, stands in purchases}.items())
    person, day = (np.array([key[n] for key, _ in ordered], np.int32) for n in (0, 1))
    stands = np.array([each for _, each in ordered], np.int32)
    table = purchase_table([f"p{each}" for each in person], day, stands)
    return from_table(table)


def purchase_table(profile: list[str], day: np.ndarray, stands: np.ndarray) -> pa.Table:
    return pa.table({
        "profile": pa.array(profile, pa.string()), "day": day, "ts": day.astype(np.int64) * DAY_MS,
        "orders": stands, "gross": np.full(len(day), 10.0), "revenue": stands * 10.0,
        "cost": np.zeros(len(day)), "costed": np.zeros(len(day)),
    })  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.booleans()), max_size=30),
    st.integers(-1, 22),
)
def test_a_summary_is_what_each_did_before_the_day(purchases: list[tuple[int, int, bool]], day: int) -> None:
    known = made(purchases)
    found = customers(known, day)
    kept = {(person, when): stands for person, when, stands in purchases}
    days: dict[str, list[int]] = {}
    for (person, when), stands in sorted(kept.items()):
        if stands and when < day:
            days.setdefault(f"p{person}", []).append(when)
    summary = found.summary
    assert known.profiles.take(found.rows).to_pylist() == list(days)
    assert summary.repeats.tolist() == [len(each) - 1 for each in days.values()]
    assert summary.last.tolist() == [each[-1] - each[0] for each in days.values()]
    assert summary.age.tolist() == [day - 1 - each[0] for each in days.values()]
    assert summary.spend.tolist() == [10.0] * len(days) and summary.paid.tolist() == [
        len(each) for each in days.values()
    ]
