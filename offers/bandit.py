"""Thompson sampling as probability matching: how likely each arm is the best one, and so how often it is played.

Drawing an arm with the probability that it is best *is* Thompson sampling (Thompson 1933), and the probability
is then known exactly: it is the propensity that off-policy evaluation needs. It is worked out by quadrature when
the counts change, not per decision.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from scipy import stats

EXPLORATION = 0.05
"""The least share of decisions that each arm gets, while that sums to at most half of them."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


class Arm(NamedTuple):
    """What an arm did: shown so often, rewarded so often."""

    shown: float = 0.0
    rewarded: float = 0.0


class Arms(Protocol):
    """Where the counts come from. They may lag behind: a late reward is a reward."""

    def arms(self, site: str, campaign: str, slot: str, context: str, /) -> Mapping[str, Arm]:
        """Counts by variant; a variant that is absent was never shown. Never raises."""


class NoArms:
    """Nothing was learned yet."""

    def arms(self, *_: str) -> Mapping[str, Arm]:
        return {}


def best_of(arms: list[Arm]) -> list[float]:
    """The probability that each arm's rate is the highest, under a uniform prior (Beta-Bernoulli); sums to 1."""
    if len(arms) == 1:
        return [1.0]
    alpha = np.array([1.0 + min(arm.rewarded, arm.shown) for arm in arms])[:, None]
    beta = np.array([1.0 + max(0.0, arm.shown - arm.rewarded) for arm in arms])[:, None]
    # Integrate the density of each arm times the others' distribution functions, where any density lives.
    mean, spread = alpha / (alpha + beta), np.sqrt(alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1)))
    low, high = max(0.0, float((mean - 8 * spread).min())), min(1.0, float((mean + 8 * spread).max()))
    edges = np.unique(
        np.clip(np.concatenate([(mean + step * spread).ravel() for step in range(-8, 9)]), low, high)
    )
    half = np.diff(edges)[:, None] / 2
    points = (edges[:-1, None] + half * (1 + _NODES)).ravel()
    measure = (half * _WEIGHTS).ravel()
    density = stats.beta.pdf(points, alpha, beta)
    below = np.log(np.clip(stats.beta.cdf(points, alpha, beta), 1e-300, 1.0))
    others = np.exp(below.sum(axis=0) - below)
    shares = np.clip((density * others * measure).sum(axis=1), 0.0, None)
    return [float(share) for share in shares / shares.sum()]


def explored(shares: list[float], least: float = EXPLORATION) -> list[float]:
    """The same shares with at least ``least`` for each arm (or an equal part of half, if there are many)."""
    least = min(least, 0.5 / len(shares))
    return [least + share * (1 - least * len(shares)) for share in shares]
