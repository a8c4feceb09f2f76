"""The whale curve: the profit of a shop, cumulated over its customers from the best one to the worst.

Where some customers cost more than they bring, the curve rises above the whole and falls back to it (Cooper & Kaplan,
"Profit priorities from activity-based costing", 1991).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

POINTS = 101


class WhaleCurve(NamedTuple):
    """Money as given. Shares of the total are None where it is not above nothing."""

    customers: int
    total: float
    peak: float
    """The sum over everybody who brings something: what the shop would earn without the others."""
    peak_at: float
    """The part of the customers who bring something, 0 to 1."""
    best_fifth: float | None
    """The share of the total that the best fifth of the customers brings; more than 1 where others cost."""
    losing: int
    """Customers who cost more than they bring."""
    lost: float
    """What they cost, 0 or more."""
    curve: tuple[tuple[float, float], ...]
    """Part of the customers, 0 to 1, and what these brought."""


def whale_curve(contribution: NDArray[np.float64]) -> WhaleCurve:
    """Of what each customer contributed, (n,), in any order. A fifth that ends inside a customer has a part of them."""
    count = len(contribution)
    best = np.sort(contribution)[::-1]
    reached = np.concatenate([[0.0], np.cumsum(best)])
    at = np.linspace(0, 1, POINTS)
    heights = np.interp(at * count, np.arange(count + 1), reached)
    total, losing = float(reached[-1]), int(np.count_nonzero(best < 0))
    lost = -float(best[best < 0].sum()) + 0.0
    winners = int(np.count_nonzero(best > 0))
    fifth = float(np.interp(count / 5, np.arange(count + 1), reached))
    return WhaleCurve(
        count,
        total,
        float(best[best > 0].sum()),
        winners / count if count else 0.0,
        fifth / total if total > 0 else None,
        losing,
        lost,
        tuple(zip(at.tolist(), heights.tolist(), strict=True)) if count else (),
    )
