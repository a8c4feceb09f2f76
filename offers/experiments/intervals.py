"""Estimates with 95 % confidence intervals."""

from typing import NamedTuple

from warehouse.definitions.shares import NORMAL_95 as NORMAL_95
from warehouse.definitions.shares import wilson_bounds


class Interval(NamedTuple):
    """An estimate and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def wilson(part: int, whole: int) -> Interval:
    """A proportion's score interval (Wilson 1927); 0 to 1 of nothing."""
    return Interval(part / whole if whole else 0.0, *wilson_bounds(part, whole))
