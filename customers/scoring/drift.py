"""Drift: how far the scores of now are from those of then, and what was said from what happened."""

from typing import Literal

import msgspec
import numpy as np

from customers.purchases.history import Floats, Mask

PARTS = 10
SOME, MUCH = 0.1, 0.25
"""Of the population stability index, as credit scoring reads it: below SOME nothing changed, above MUCH much."""
NOTABLE = 0.02
"""Difference of shares that is worth a word, if it is more than chance."""
CHANCE = 3.0
"""Standard errors."""
LEAST_SHARE = 1e-4


class Drift(msgspec.Struct, frozen=True):
    """Of the risk. ``psi``: population stability index of the risks told now against those at the beginning of the
    closed window, by tenths of these. ``said``: the mean risk told then; ``happened``: the share that bought nothing.
    ``customers``: whether the customers are others than then; ``calibration``: whether the risks were right in sum."""

    psi: float
    said: float
    happened: float
    customers: Literal["stable", "changed", "changed much"]
    calibration: Literal["right", "too high", "too low"]


def drift(then: Floats, now: Floats, silent: Mask) -> Drift:
    """``then`` (n,) was told of customers of whom ``silent`` (n,) bought nothing; ``now`` (m,) is told today."""
    psi = stability_index(then, now)
    said, happened = float(then.mean()), float(silent.mean())
    error = CHANCE * float(np.sqrt(np.sum(then * (1 - then)))) / len(then)
    off = said - happened
    return Drift(
        psi,
        said,
        happened,
        "stable" if psi < SOME else "changed" if psi < MUCH else "changed much",
        "right" if abs(off) <= max(error, NOTABLE) else "too high" if off > 0 else "too low",
    )


def stability_index(then: Floats, now: Floats) -> float:
    """The sum over tenths of ``then`` of (share now - share then) · log(share now / share then); 0 is no change."""
    edges = np.unique(np.quantile(then, np.arange(1, PARTS) / PARTS))
    shares = [
        np.maximum(
            np.bincount(np.searchsorted(edges, each), minlength=len(edges) + 1) / len(each), LEAST_SHARE
        )
        for each in (then, now)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))
