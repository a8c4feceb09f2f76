"""Clusters that are there: found again in samples drawn anew, with fewer customers between them than in them.

k-means with k from MOST down to 2. A k is believed

- if between each two clusters lies a valley: on the line through their centres fewer points than at either one. A cloud
  of one piece is cut stably, too, where it is long;
- if clusterings of bootstrap samples agree with that of all points: adjusted Rand index (Hubert & Arabie 1985) of at
  least STABLE on average, and each cluster found again by itself (Jaccard index, Hennig 2007).
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from customers.groups.kmeans import Fitted, Floats, Labels, fitted, nearest

MOST = 8
FEWEST_CUSTOMERS = 100
SMALLEST = 0.03
"""The part of the customers that a group has at least."""
BOOTSTRAPS, STABLE, FOUND_AGAIN = 12, 0.8, 0.75
WINDOW, LOWER = 0.2, 0.85
"""The width of a window on the line between two centres, which are 1 apart; how low a valley is, beside either top."""
SEED = 1


class Clusters(NamedTuple):
    centres: Floats
    """(k, d)."""
    labels: Labels
    """(n,)."""
    stable: float
    """The mean adjusted Rand index."""


def clusters(points: Floats) -> Clusters | None:
    """The stable clusters of points (n, d), as many as there are; None without any. A second or two for 2,000."""
    if len(points) < FEWEST_CUSTOMERS:
        return None
    chance, different = np.random.default_rng(SEED), len(np.unique(points, axis=0))
    for k in range(min(MOST, different), 1, -1):
        whole = fitted(points, k, chance, starts=6)
        small = np.bincount(whole.labels, minlength=k).min() < SMALLEST * len(points)
        if not small and _apart(points, whole):
            stable = _stability(points, whole, chance)
            if stable is not None:
                return Clusters(whole.centres, whole.labels, stable)
    return None


def agreement(both: Floats) -> float:
    """The adjusted Rand index of two clusterings, whose common points are counted in ``both`` (k, l)."""

    def pairs(counts: Floats) -> float:
        return float((counts * (counts - 1) / 2).sum())

    first, second = pairs(both.sum(1)), pairs(both.sum(0))
    expected = first * second / max(pairs(both.sum(keepdims=True)), 1)
    most = (first + second) / 2
    return (pairs(both) - expected) / (most - expected) if most > expected else 1.0


def _stability(points: Floats, whole: Fitted, chance: np.random.Generator) -> float | None:
    """The mean agreement of bootstrap samples; None where they agree too little."""
    k = len(whole.centres)
    found: list[float] = []
    again = np.zeros(k)
    for drawn in range(1, BOOTSTRAPS + 1):
        sample = points[chance.integers(0, len(points), len(points))]
        other = nearest(points, fitted(sample, k, chance, starts=3).centres)
        both = np.zeros((k, k))
        np.add.at(both, (whole.labels, other), 1)
        either = both.sum(1)[:, None] + both.sum(0)[None, :] - both
        found.append(agreement(both))
        again += (both / np.maximum(either, 1)).max(1)
        if drawn >= BOOTSTRAPS // 3 and np.mean(found) < STABLE - 0.15:
            return None
    stable = float(np.mean(found))
    return stable if stable >= STABLE and again.min() >= FOUND_AGAIN * BOOTSTRAPS else None


def _apart(points: Floats, whole: Fitted) -> bool:
    """Whether there is a valley between each two clusters."""
    for first, second in combinations(range(len(whole.centres)), 2):
        line = whole.centres[second] - whole.centres[first]
        mine = points[(whole.labels == first) | (whole.labels == second)]
        if not _valley(np.sort((mine - whole.centres[first]) @ line / (line @ line))):
            return False
    return True


def _valley(at: Floats) -> bool:
    """Of sorted places on the line, with the centres at 0 and 1: whether fewer lie between them, beyond chance."""
    middles = np.arange(-0.4, 1.4001, WINDOW / 4)
    inside = np.searchsorted(at, middles + WINDOW / 2) - np.searchsorted(at, middles - WINDOW / 2)
    top = min(inside[middles < 0.3].max(), inside[middles > 0.7].max())
    low = inside[(middles > 0.29) & (middles < 0.71)].min()
    return bool(low + 3 * np.sqrt(low + 1) < LOWER * top)
