"""Lift: conversion rate and revenue of visitors who could see a campaign, compared with the holdout, with intervals."""

from collections.abc import Sequence
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
    return stratified_lift([(shown, withheld)])


def stratified_lift(strata: Sequence[tuple[Group, Group]]) -> Lift | None:
    """Of the shown and the withheld group of each stratum: the differences within strata, weighted by the people who
    were shown it. None while every stratum lacks a group."""
    both = [(shown, withheld) for shown, withheld in strata if shown.visitors and withheld.visitors]
    if not both:
        return None
    total = sum(shown.visitors for shown, _ in both)
    weighted = [(shown.visitors / total, shown, withheld) for shown, withheld in both]
    rate = _summed([(weight, _rates(shown, withheld)) for weight, shown, withheld in weighted])
    revenue = _summed([(weight, _means(shown, withheld)) for weight, shown, withheld in weighted])
    incremental = Interval(*(total * each for each in revenue))
    shown, withheld = (
        Group(*(round(sum(column), 4) for column in zip(*groups, strict=True)))
        for groups in zip(*both, strict=True)
    )
    return Lift(shown, withheld, rate, _relative(weighted), revenue, incremental)


def _summed(parts: Sequence[tuple[float, Interval]]) -> Interval:
    """A weighted sum of independent estimates; the distances to the bounds add by squares (Zou and Donner 2008)."""
    value = sum(weight * each.value for weight, each in parts)
    low = sqrt(sum((weight * (each.value - each.low)) ** 2 for weight, each in parts))
    high = sqrt(sum((weight * (each.high - each.value)) ** 2 for weight, each in parts))
    return Interval(value, value - low, value + high)


def _rates(shown: Group, withheld: Group) -> Interval:
    """Newcombe's (1998) hybrid score interval: right for small rates too, where Wald's is not."""
    one, other = wilson(shown.converted, shown.visitors), wilson(withheld.converted, withheld.visitors)
    difference = one.value - other.value
    low = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(difference, difference - low, difference + high)


def _relative(strata: Sequence[tuple[float, Group, Group]]) -> Interval | None:
    """The ratio of rates less one, by the delta method on its logarithm (Katz 1978)."""
    rate = sum(weight * shown.rate for weight, shown, _ in strata)
    rate0 = sum(weight * withheld.rate for weight, _, withheld in strata)
    if not rate or not rate0:
        return None
    variance = sum((weight / rate) ** 2 * _variance(shown) for weight, shown, _ in strata)
    variance += sum((weight / rate0) ** 2 * _variance(withheld) for weight, _, withheld in strata)
    ratio, spread = rate / rate0, exp(NORMAL_95 * sqrt(variance))
    return Interval(ratio - 1, ratio / spread - 1, ratio * spread - 1)


def _variance(group: Group) -> float:
    """Of the group's rate."""
    return group.rate * (1 - group.rate) / group.visitors


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
