"""How scores are distributed over the customers: counts of half-open intervals with round ends."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Score = Literal["risk", "clv"]

PARTS = 10
"""Of the risk: tenths."""
MOST_PARTS = 12
"""Of an amount, beside what lies below 0 and beyond the last."""
MOST_SHARE = 0.95
"""The share of the customers who are told apart; the highest amounts of few come together in one interval."""


@dataclass(frozen=True, slots=True)
class Bin:
    """``customers`` whose ``score`` is at least ``low`` and less than ``high``: a risk from 0 to 1 (1 is in the last),
    or an amount in the site's currency. None: without an end."""

    score: Score
    low: float | None
    high: float | None
    customers: int


def risk_bins(values: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Ten, or none without ``values`` (n,)."""
    edges = [part / PARTS for part in range(PARTS + 1)]
    counts = _counts(values, edges[1:-1])
    return tuple(Bin("risk", *ends) for ends in zip(edges, edges[1:], counts, strict=False) if len(values))


def amount_bins(values: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Of equal, round width from 0 on; what is below 0 and beyond the last only where there is something."""
    if not len(values):
        return ()
    high = float(np.quantile(values, MOST_SHARE))
    step = round_step(max(high, 0.0) / MOST_PARTS)
    edges = [step * part for part in range(max(1, math.ceil(high / step)) + 1)]
    counts = _counts(values, edges)
    ends = zip([None, *edges], [*edges, None], counts, strict=True)
    return tuple(
        Bin("clv", low, high, count) for low, high, count in ends if count or None not in (low, high)
    )


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is no less than ``least``; at the least 1."""
    if least <= 1:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(least))
    return next(step * scale for step in (1.0, 2.0, 5.0, 10.0) if least <= step * scale)


def _counts(values: NDArray[np.float64], edges: list[float]) -> list[int]:
    """Below the first edge, between two each, from the last on."""
    places = np.searchsorted(edges, values, side="right")
    return [int(each) for each in np.bincount(places, minlength=len(edges) + 1)]
