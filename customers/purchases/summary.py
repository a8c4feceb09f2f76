"""What purchase models read of each customer: how often, when first and last, for how much; as of a day."""

from typing import NamedTuple

import numpy as np

from customers.purchases.history import Floats, History, Longs, Mask


class Summary(NamedTuple):
    """Of n customers, each array of shape (n,). A purchase is a day with an order that stands; times in days."""

    repeats: Floats
    """Purchases after the first."""
    last: Floats
    """From the first purchase to the last."""
    age: Floats
    """From the first purchase to the last day that is counted."""
    spend: Floats
    """Mean revenue of the purchases that have some; 0 where none has."""
    paid: Floats
    """Purchases that have revenue."""

    def rows(self, which: Mask | Longs) -> "Summary":
        return Summary(*(column[which] for column in self))


class Customers(NamedTuple):
    """Those with a purchase before ``day``: rows of ``History.profiles``, and their summary."""

    day: int
    rows: Longs
    summary: Summary


def customers(of: History, day: int) -> Customers:
    """All who bought before ``day``, as they were when it began, but for what was given back later."""
    bought = of.rows((of.day < day) & of.stands)
    count = np.bincount(bought.person, minlength=of.people)
    rows = np.flatnonzero(count)
    final = np.cumsum(count)[rows]  # the rows are by person and day
    began, ended = (
        bought.day[final - count[rows]].astype(np.float64),
        bought.day[final - 1].astype(np.float64),
    )
    repeats = (count[rows] - 1).astype(np.float64)
    paid = bought.total(bought.revenue > 0)[rows]
    spend: Floats = bought.total(bought.revenue)[rows] / np.maximum(paid, 1)
    return Customers(day, rows, Summary(repeats, ended - began, day - 1 - began, spend, paid))
