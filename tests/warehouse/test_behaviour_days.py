"""Behaviour of customers by day, from a real warehouse."""

from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.customers.behaviour_days import behaviour_days
from warehouse.delta import Warehouse
from warehouse.question.span import Span


def test_what_customers_did_by_local_day(tmp_path: Path) -> None:
    """In Seoul NOON is 21:00 (UTC 12:00): four hours later is the next day."""

    def did(name: str, hours: int, session: str, profile: str = "v:a", **more: object) -> object:
        kind = "page" if name == "page" else "track"
        return row(NOON + hours * 3_600_000, id=f"{profile}{name}{hours}{session}{more}", type=kind, name=name,
                   profile=profile, session=session, **more)  # fmt: skip

    rows = [
        did("page", 0, "s1"),
        did("Product Viewed", 0, "s1", product="1", category="shoes"),
        did("Product Viewed", 1, "s1", product="2", category="hats"),
        did("Product Added", 1, "s1", product="2", category="hats"),
        did("page", 2, "s2"),
        did("Checkout Started", 4, "s2"),
        did("Order Completed", 4, "s2", order="1", revenue=5.0),
        did("Order Completed", 5, "", order="2", revenue=5.0),
        did("Product Viewed", 0, "s9", "v:looker", product="1"),
        did("page", 0, "s5", "v:bot", bot=True),
    ]
    warehouse = Warehouse(str(tmp_path))
    warehouse.append(rows, [], {})
    span = Span(NOON - DAY_MS, NOON + DAY_MS, ZoneInfo("Asia/Seoul"))
    found = behaviour_days(warehouse, "default", span, "EUR").to_pylist()
    first = found[0].pop("day")
    assert found[1].pop("day") == first + 1
    assert found == [
        {"profile": "v:a", "visits": 2.0, "views": 2.0, "categories": 2.0, "carts": 1.0},
        {"profile": "v:a", "visits": 1.0, "views": 0.0, "categories": 0.0, "carts": 1.0},
    ], "who never ordered is no customer"
