"""Customers who look alike to a model, counted: a likelihood and a forecast are computed once for each kind."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from customers.purchases.history import Floats, Longs
from customers.purchases.summary import Summary


class Timings(NamedTuple):
    """Of n kinds of customers, each array of shape (n,): purchases after the first, days to the last and to now."""

    repeats: Floats
    last: Floats
    age: Floats


class Distinct(NamedTuple):
    """Different timings, how many customers have each (n,), and which of them each customer has."""

    timings: Timings
    counts: Floats
    kind: Longs


def distinct(of: Summary) -> Distinct:
    """The different (repeats, last, age) of the customers. Days are whole numbers."""
    order = np.lexsort((of.last, of.repeats, of.age))
    columns = np.stack([of.repeats[order], of.last[order], of.age[order]])
    new = np.ones(len(order), np.bool_)
    new[1:] = (columns[:, 1:] != columns[:, :-1]).any(0)
    kind = np.empty(len(order), np.int64)
    kind[order] = np.cumsum(new) - 1
    return Distinct(
        Timings(*columns[:, new]), np.bincount(kind, minlength=int(new.sum())).astype(np.float64), kind
    )


def for_each(of: Summary, forecast: Callable[[Timings], Floats]) -> Floats:
    """(n,): ``forecast`` of every customer, computed once for each kind."""
    found = distinct(of)
    values: Floats = forecast(found.timings)[found.kind]
    return values
