"""The interval of one customer's value: how far customers of about the same value were from it (split conformal)."""

from typing import NamedTuple

import numpy as np

from customers.purchases.history import Floats

LOW, HIGH = 0.05, 0.95
GROUP = 100
"""Customers in a group at least; at most GROUPS groups."""
GROUPS = 20


class OwnSpread(NamedTuple):
    """By groups of customers, from little value to much: where the next group begins (g - 1,), and what came of what
    was said, as a ratio (g,)."""

    edges: Floats
    low: Floats
    high: Floats

    def of(self, said: Floats) -> tuple[Floats, Floats]:
        """(n,) and (n,): from where to where each one's value is. What is expected is within: of people of whom fewer
        than one in twenty buys, the quantile is 0."""
        group = np.searchsorted(self.edges, said)
        return said * np.minimum(self.low[group], 1), said * np.maximum(self.high[group], 1)


def own_spread(said: Floats, happened: Floats) -> OwnSpread:
    """From a closed window: what was said of each customer, and what happened."""
    order = np.argsort(said, kind="stable")
    groups = np.array_split(order, int(np.clip(len(said) // GROUP, 1, GROUPS)))
    ratio = happened / np.maximum(said, 1e-9)
    edges = np.array([said[group[-1]] for group in groups[:-1]], np.float64)
    low, high = (
        np.array([np.quantile(ratio[group], level) for group in groups], np.float64) for level in (LOW, HIGH)
    )
    return OwnSpread(edges, low, high)
