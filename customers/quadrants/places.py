"""The place of each customer: needs above the average or not, expected value above the average or not."""

import numpy as np
from numpy.typing import NDArray

from profiles.standing import QUADRANTS, Quadrant

LEAST_NEEDS = 0.1
"""A tenth of the purchases is other than the shop's: with less, nobody needs a treatment of their own."""
ROUNDING = 1e-9

BY_NEEDS_AND_VALUE: dict[tuple[bool, bool], Quadrant] = {
    (False, False): "not worth personalizing",
    (True, False): "help to choose",
    (False, True): "preferred customer",
    (True, True): "one-to-one",
}

_CODES = np.array(
    [[QUADRANTS.index(BY_NEEDS_AND_VALUE[n, v]) for v in (False, True)] for n in (False, True)], float
)


def quadrants(needs: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,): each customer's place in ``QUADRANTS``; NaN where needs or value (n,) are not known. ``value`` is what they
    are expected to contribute. Customers who are all equal are not above their average."""
    known = ~(np.isnan(needs) | np.isnan(value))
    if not known.any():
        return np.full(len(needs), np.nan)
    least = max(LEAST_NEEDS, _above(needs[known]))
    special, dear = needs > least, value > _above(value[known])
    return np.where(known, _CODES[special.astype(int), dear.astype(int)], np.nan)


def _above(values: NDArray[np.float64]) -> float:
    """The average, and a little more than rounding could add."""
    mean = float(values.mean())
    return mean + ROUNDING * abs(mean)
