"""Features on one scale: counts and days by their logarithm, outliers drawn in, each with a spread of 1."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from customers.groups.features import WHOLE, is_share

Floats = NDArray[np.float64]

OUTER = (1.0, 99.0)
"""Percentiles beyond which a value counts as the percentile."""


class Scale(msgspec.Struct, frozen=True):
    """Of d features, each a list of d. ``whole``: a count, which may lie anywhere up to the next one, so that the steps
    between whole numbers make no groups. ``spread`` is 0 for a feature that does not vary: it says nothing."""

    shares: list[bool]
    whole: list[bool]
    low: list[float]
    high: list[float]
    centre: list[float]
    spread: list[float]

    def of(self, values: Floats, within: Floats | float = 0.5) -> Floats:
        """Features (n, d) on the scale; counts lie ``within`` their step (0 to 1). What is not known, days since what
        never was, counts as long ago."""
        drawn = _drawn(_logged(values, self.shares, self.whole, within), self.low, self.high)
        spread = np.array(self.spread)
        scaled: Floats = np.where(spread > 0, (drawn - self.centre) / np.where(spread > 0, spread, 1), 0)
        return scaled


def scale_of(values: Floats, names: Sequence[str], within: Floats | float = 0.5) -> Scale:
    """The scale of features (n, d), n at least 1."""
    shares, whole = [is_share(name) for name in names], [name in WHOLE for name in names]
    logged = _logged(values, shares, whole, within)
    known = np.where(np.isnan(logged).all(0), 0, logged)
    low, high = np.nanpercentile(known, OUTER, axis=0).tolist()
    drawn = _drawn(known, low, high)
    steady = np.ptp(values, axis=0) == 0
    spread = np.where(steady | ~(drawn.std(0) > 0), 0, drawn.std(0))
    return Scale(shares, whole, low, high, drawn.mean(0).tolist(), spread.tolist())


def _logged(values: Floats, shares: list[bool], whole: list[bool], within: Floats | float) -> Floats:
    counted = np.where(whole, values + within, values)
    logged: Floats = np.where(shares, values, np.log1p(np.maximum(counted, 0)))
    return logged


def _drawn(logged: Floats, low: list[float], high: list[float]) -> Floats:
    drawn: Floats = np.clip(np.where(np.isnan(logged), high, logged), low, high)
    return drawn
