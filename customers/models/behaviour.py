"""What a customer does on the site at a day, in numbers that any learner can read: how lately, and how much."""

import numpy as np

from customers.purchases.history import Activity, Floats, History
from customers.purchases.summary import Customers

WINDOWS = (0.1, 0.25, 0.5, 1.0)
"""Visits are counted over so many horizons before the day."""
NEVER = 2.0
"""Horizons that count as the wait since a last visit, where there was none in them."""


def behaviour(of: History, buyers: Customers, horizon: int) -> Floats:
    """(n, k) of each of ``buyers``, as of their day: days since the last visit, view of a product and cart, and since
    there was interest without an order; visits, views, categories and carts of the last days. No columns (n, 0)
    without web history."""
    seen = of.activity.rows(of.activity.day < buyers.day)
    if not len(seen.day):
        return np.zeros((len(buyers.rows), 0))
    longest = NEVER * horizon
    ordered = np.full(of.people, buyers.day - longest)
    ordered[buyers.rows] = buyers.day - 1 - (buyers.summary.age - buyers.summary.last)
    since = seen.rows(seen.day > ordered[seen.person])
    columns: list[Floats] = [
        _waits(part.rows(values > 0), of, buyers, longest)
        for part, values in (
            (seen, seen.visits), (seen, seen.views), (seen, seen.carts), (since, since.views), (since, since.carts)
        )
    ]  # fmt: skip
    for window in WINDOWS:
        lately = seen.rows(seen.day >= buyers.day - max(int(window * horizon), 1))
        columns += [
            _sums(lately, values, of.people)[buyers.rows]
            for values in (lately.visits, lately.views, lately.categories, lately.carts)
        ]
    columns.append(_sums(since, since.visits, of.people)[buyers.rows])
    return np.stack(columns, axis=1)


def _sums(of: Activity, values: Floats, people: int) -> Floats:
    sums: Floats = np.bincount(of.person, values, people).astype(np.float64)
    return sums


def _waits(of: Activity, whole: History, buyers: Customers, longest: float) -> Floats:
    """(n,): days since the last of these, ``longest`` at most."""
    last = np.full(whole.people, buyers.day - longest)
    np.maximum.at(last, of.person, of.day)
    waits: Floats = np.minimum(buyers.day - last[buyers.rows], longest)
    return waits
