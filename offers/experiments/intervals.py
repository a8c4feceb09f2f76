"""Estimates with 95 % confidence intervals."""

from math import sqrt
from typing import NamedTuple

NORMAL_95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


class Interval(NamedTuple):
    """An estimate and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def wilson(part: int, whole: int) -> Interval:
    """A proportion's score interval (Wilson 1927); 0 to 1 of nothing."""
    if not whole:
        return Interval(0.0, 0.0, 1.0)
    rate, square = part / whole, NORMAL_95**2
    centre = (rate + square / (2 * whole)) / (1 + square / whole)
    half = NORMAL_95 / (1 + square / whole) * sqrt(rate * (1 - rate) / whole + square / (4 * whole**2))
    return Interval(rate, max(0.0, centre - half), min(1.0, centre + half))
