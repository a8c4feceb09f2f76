"""A shop whose customers are scored: its orders in a real warehouse."""

from pathlib import Path

import numpy as np

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.tables.schema import EventRow

SITE = Site(id="default", write_key="wk", secret_key="sk", timezone="Asia/Seoul")


def order(profile: str, ts: int, revenue: float, number: str, name: str = "Order Completed") -> EventRow:
    return row(ts, id=f"{profile}-{number}-{ts}-{name}", type="track", name=name, profile=profile,
               order=number, revenue=revenue)  # fmt: skip


def shop(folder: Path, rows: list[EventRow]) -> Warehouse:
    warehouse = Warehouse(str(folder))
    warehouse.append(rows, [], {})
    return warehouse


def history(customers: int, days: int) -> list[EventRow]:
    """Orders of 20 each by customers who come at a rate of their own, and leave; the first orders spread over all."""
    chance = np.random.default_rng(7)
    rows = []
    for customer in range(customers):
        start, rate = chance.uniform(0, days), chance.gamma(0.8, 0.05)
        until = start + chance.exponential(150)
        times = start + np.cumsum([0, *chance.exponential(1 / rate, 40)])
        rows += [order(f"v:{customer}", NOON - days * DAY_MS + int(time * DAY_MS), 20.0, f"{customer}-{number}")
                 for number, time in enumerate(times) if time < min(until, days) or not number]  # fmt: skip
    return rows
