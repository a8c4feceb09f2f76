"""k-means (Lloyd 1982) begun by k-means++ (Arthur & Vassilvitskii 2007), on one thread."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

ITERATIONS = 60


class Fitted(NamedTuple):
    centres: Floats
    """(k, d)."""
    labels: Labels
    """(n,): the nearest centre of each point."""
    inertia: float
    """The sum of squared distances from the nearest centres."""


def fitted(points: Floats, k: int, chance: np.random.Generator, starts: int) -> Fitted:
    """The best of so many starts, for points (n, d) with at least k that differ."""
    return min((_run(points, _begun(points, k, chance)) for _ in range(starts)), key=lambda one: one.inertia)


def nearest(points: Floats, centres: Floats) -> Labels:
    """(n,): the centre (k, d) that is nearest to each point (n, d)."""
    found: Labels = _apart(points, centres).argmin(1)
    return found


def _apart(points: Floats, centres: Floats) -> Floats:
    """(n, k): squared distances, less the squared length of each point."""
    apart: Floats = (centres**2).sum(1) - 2 * points @ centres.T
    return apart


def _begun(points: Floats, k: int, chance: np.random.Generator) -> Floats:
    centres = points[[chance.integers(len(points))]]
    apart = ((points - centres[0]) ** 2).sum(1)
    while len(centres) < k and apart.any():
        at = np.searchsorted(np.cumsum(apart), chance.random() * apart.sum(), side="right")
        centre = points[min(int(at), len(points) - 1)]
        centres = np.vstack([centres, centre])
        apart = np.minimum(apart, ((points - centre) ** 2).sum(1))
    return centres


def _run(points: Floats, centres: Floats) -> Fitted:
    labels = nearest(points, centres)
    for _ in range(ITERATIONS):
        sizes = np.bincount(labels, minlength=len(centres))
        sums = np.stack([np.bincount(labels, column, len(centres)) for column in points.T], 1)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        before, labels = labels, nearest(points, centres)
        if np.array_equal(before, labels):
            break
    return Fitted(centres, labels, float(((points - centres[labels]) ** 2).sum()))
