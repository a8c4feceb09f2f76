"""What another way of choosing would have earned, from decisions whose propensities are known (Horvitz-Thompson).

IPS weighs each reward by target probability / propensity; SNIPS divides by the sum of the weights, which is
less variable and never leaves the range of the rewards. Weights are clipped at CLIP.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from offers.experiments.intervals import NORMAL_95

CLIP = 100.0
"""The largest weight: a propensity of 1 %, the bandit's least. Clipping biases towards 0, and says so."""


class Estimate(NamedTuple):
    """A value for each showing and its 95 % interval; Kish's ``effective`` sample size; weights clipped."""

    value: float
    low: float
    high: float
    effective: float
    clipped: int


class OffPolicy(NamedTuple):
    ips: Estimate
    snips: Estimate


def estimate(
    rewards: Sequence[float] | np.ndarray,
    propensities: Sequence[float] | np.ndarray,
    targets: Sequence[float] | np.ndarray,
    clip: float = CLIP,
) -> OffPolicy:
    """``targets``: how likely the other way would have chosen what was shown. Raises ValueError without showings."""
    reward, propensity = np.asarray(rewards, float), np.asarray(propensities, float)
    if not len(reward):
        raise ValueError("no showings")
    if (propensity <= 0).any() or (propensity > 1).any():
        raise ValueError("a propensity is in (0, 1]")
    full = np.asarray(targets, float) / propensity
    weight = np.minimum(full, clip)
    clipped = int((full > clip).sum())
    total, n = float(weight.sum()), len(reward)
    effective = total**2 / float((weight**2).sum()) if total else 0.0
    value = float((weight * reward).mean())
    ips = _interval(value, float((weight * reward).std()) / n**0.5, effective, clipped)
    ratio = float((weight * reward).sum()) / total if total else 0.0
    error = float(np.sqrt(((weight * (reward - ratio)) ** 2).sum())) / total if total else 0.0
    return OffPolicy(ips, _interval(ratio, error, effective, clipped))


def _interval(value: float, error: float, effective: float, clipped: int) -> Estimate:
    return Estimate(value, value - NORMAL_95 * error, value + NORMAL_95 * error, effective, clipped)
