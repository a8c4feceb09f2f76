"""What the recommender reads of the warehouse: every line once, and no more than its window."""

from pathlib import Path

from dangol.history.interactions import InteractionHistory
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.feeds.interactions import interactions, newest


def euros(_site: str) -> str:
    return "EUR"


def filled(folder: Path) -> Warehouse:
    warehouse = Warehouse(str(folder))
    line = {"product": "b", "name": "", "category": "tea", "quantity": 2.0, "price": 1.0}
    rows = [
        row(NOON - 40 * DAY_MS, type="track", name="Product Viewed", product="old"),
        row(NOON - 9 * DAY_MS, type="track", name="Product Viewed", product="a"),
        row(NOON, type="track", name="Order Completed", items=[line, {**line, "product": "c"}]),
        row(NOON + 90 * DAY_MS, type="page"),
        row(NOON + 95 * DAY_MS, type="track", name="Product Viewed", product="z", site="other"),
        row(NOON + 96 * DAY_MS, type="track", name="Product Viewed", product="z", bot=True),
    ]
    warehouse.append(rows, [], {})
    return warehouse


def test_one_row_for_each_product_of_an_event(tmp_path: Path) -> None:
    table = interactions(filled(tmp_path), "default", "EUR")
    assert sorted(zip(table["product"].to_pylist(), table["quantity"].to_pylist(), strict=True), key=str) == [
        ("a", None),
        ("b", 2.0),
        ("c", 2.0),
        ("old", None),
    ]


def test_the_window_ends_with_the_newest_product_event(tmp_path: Path) -> None:
    warehouse = filled(tmp_path)
    assert newest(warehouse, "default") == NOON
    assert newest(warehouse, "none") is None

    def seen(days: int) -> set[str]:
        return set(InteractionHistory(warehouse, euros).interactions("default", days)["product"].to_pylist())

    assert seen(10) == {"a", "b", "c"}
    assert seen(5) == {"b", "c"}
    assert seen(365) == {"old", "a", "b", "c"}
    assert InteractionHistory(warehouse, euros).interactions("none", 10).num_rows == 0


def test_what_is_outside_the_window_is_not_read(tmp_path: Path) -> None:
    """The start goes into the query, which skips the files of older days."""
    warehouse = filled(tmp_path)
    asked: list[int] = []
    table = Warehouse.table

    class Watched(Warehouse):
        def table(self, sql, scope, params=None):  # type: ignore[no-untyped-def]
            asked.append(scope.start)
            return table(self, sql, scope, params)

    watched = Watched(str(tmp_path))
    InteractionHistory(watched, euros).interactions("default", 10)
    assert asked == [NOON - 10 * DAY_MS]
    assert warehouse is not watched
