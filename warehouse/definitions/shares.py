"""Shares of a sample: how sure a rate is, and from how many on it is told as a percentage.

The interval is Wilson's score interval (1927), which keeps to 0 and 1 and holds for small samples. Where several visits
are of one person they say less than as many visits of different people: ``effective_size`` is the number of independent
ones that say as much (the design effect of a ratio by clusters; Kish 1965), and the interval is that of this number.
"""

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NORMAL_95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""

LEAST = 20
"""Of fewer a page tells counts, no percentage: half of 20 is 30 to 70 percent."""

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """The 95 % interval ``low`` to ``high`` (0 to 1) of ``part`` of ``whole``; 0 to 1 of nothing. ``enough``: the whole
    has at least LEAST."""

    low: float
    high: float
    part: int
    whole: int
    enough: bool

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.part / self.whole if self.whole else None


def wilson_bounds(part: float, whole: float) -> tuple[float, float]:
    """The score interval's ends; 0 and 1 of nothing."""
    if not whole:
        return 0.0, 1.0
    rate, square = part / whole, NORMAL_95**2
    centre = (rate + square / (2 * whole)) / (1 + square / whole)
    half = NORMAL_95 / (1 + square / whole) * sqrt(rate * (1 - rate) / whole + square / (4 * whole**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def share_of(part: int, whole: int, effective: float | None = None) -> Share:
    """``effective``: how many independent ones say as much as ``whole``, without it as many."""
    part = min(part, whole)
    size = float(whole) if effective is None else effective
    low, high = wilson_bounds(part / whole * size if whole else 0.0, size)
    return Share(low, high, part, whole, whole >= LEAST)


class Clusters(NamedTuple):
    """Sums over ``people`` of their ``parts`` of their ``wholes`` (of their bounces and visits), of squares and
    products. Whole numbers, so that the sums of different people add up exactly."""

    people: int
    parts: int
    wholes: int
    part_squares: int
    products: int
    whole_squares: int


NO_CLUSTERS = Clusters(0, 0, 0, 0, 0, 0)


def clusters_of(parts: Longs, wholes: Longs) -> Clusters:
    """One element a person; who has no whole is none."""
    parts, wholes = parts.astype(np.int64), wholes.astype(np.int64)
    squares = (int(parts @ parts), int(parts @ wholes), int(wholes @ wholes))
    return Clusters(int(np.count_nonzero(wholes)), int(parts.sum()), int(wholes.sum()), *squares)


def share_of_clusters(people: Clusters) -> Share:
    """The share of all wholes, with the interval of as many independent ones as say the same."""
    return share_of(people.parts, people.wholes, effective_size(people))


def effective_size(people: Clusters) -> float:
    """The number of independent units whose rate is as uncertain as theirs, by the variance of a ratio (delta method);
    at most all units. Where all or none are of the part, which says nothing about the people, as many as there are
    people."""
    count, total = people.people, people.wholes
    if count < 2 or not 0 < people.parts < total:
        return float(count)
    rate = people.parts / total
    residual = people.part_squares - 2 * rate * people.products + rate**2 * people.whole_squares
    variance = residual * count / (count - 1) / total**2
    return min(float(total), rate * (1 - rate) / variance) if variance > 0 else float(total)


NO_SHARE = share_of_clusters(NO_CLUSTERS)
