"""Lift: conversion rate and revenue of visitors who could see a campaign, compared with the holdout, with intervals."""

from math import exp, sqrt
from typing import NamedTuple

from offers.experiments.intervals import NORMAL_95, Interval, wilson

MANY_BUYERS = 100
"""With so many in each group, both know how much orders differ."""


class Group(NamedTuple):
    """Visitors of one group, how many reached the goal, and their revenue: sum and sum of squares over visitors."""

    visitors: int = 0
    converted: int = 0
    revenue: float = 0.0
    squares: float = 0.0

    @property
    def rate(self) -> float:
        return self.converted / self.visitors if self.visitors else 0.0


class Lift(NamedTuple):
    """Shown against withheld. ``rate``: difference of conversion rates; ``relative``: the same as a part of the
    withheld group's rate, None while nobody there converted; ``revenue``: difference for each visitor;
    ``incremental``: revenue that would not have come without the campaign."""

    shown: Group
    withheld: Group
    rate: Interval
    relative: Interval | None
    revenue: Interval
    incremental: Interval


def lift(shown: Group, withheld: Group) -> Lift | None:
    """None while a group is empty."""
    if not shown.visitors or not withheld.visitors:
        return None
    revenue = _means(shown, withheld)
    incremental = Interval(*(shown.visitors * each for each in revenue))
    return Lift(shown, withheld, _rates(shown, withheld), _relative(shown, withheld), revenue, incremental)


def _rates(shown: Group, withheld: Group) -> Interval:
    """Newcombe's (1998) hybrid score interval: right for small rates too, where Wald's is not."""
    one, other = wilson(shown.converted, shown.visitors), wilson(withheld.converted, withheld.visitors)
    difference = one.value - other.value
    low = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(difference, difference - low, difference + high)


def _relative(shown: Group, withheld: Group) -> Interval | None:
    """The ratio of rates less one, by the delta method on its logarithm (Katz 1978)."""
    if not shown.converted or not withheld.converted:
        return None
    ratio = shown.rate / withheld.rate
    error = sqrt(1 / shown.converted - 1 / shown.visitors + 1 / withheld.converted - 1 / withheld.visitors)
    spread = exp(NORMAL_95 * error)
    return Interval(ratio - 1, ratio / spread - 1, ratio * spread - 1)


def _means(shown: Group, withheld: Group) -> Interval:
    """The difference of mean revenue, with Welch's interval.

    A group of few buyers does not know how much orders differ, and may have none: then its variance is none either, and
    Welch's interval far too short. So the interval of a variance common to both (Student's) holds while it is wider.
    """
    (mean, error, freedom), (mean0, error0, freedom0) = _moments(shown), _moments(withheld)
    difference, variance = mean - mean0, error + error0
    if variance <= 0:
        return Interval(difference, difference, difference)
    parts = (error**2 / freedom if freedom else 0.0) + (error0**2 / freedom0 if freedom0 else 0.0)
    half = _half(variance, variance**2 / parts if parts else 1.0)
    if min(shown.converted, withheld.converted) < MANY_BUYERS and freedom + freedom0:
        of_all = error * shown.visitors * freedom + error0 * withheld.visitors * freedom0
        common = of_all / (freedom + freedom0) * (1 / shown.visitors + 1 / withheld.visitors)
        half = max(half, _half(common, freedom + freedom0))
    return Interval(difference, difference - half, difference + half)


def _half(variance: float, freedom: float) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.975, freedom)) * sqrt(variance)


def _moments(group: Group) -> tuple[float, float, int]:
    """Mean, variance of the mean, degrees of freedom."""
    n = group.visitors
    mean = group.revenue / n
    variance = max(0.0, group.squares - n * mean**2) / (n - 1) if n > 1 else 0.0
    return mean, variance / n, n - 1
