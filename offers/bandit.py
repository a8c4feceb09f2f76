"""Thompson sampling as probability matching: how likely each arm is the best one, and so how often it is played.

Drawing an arm with the probability that it is best *is* Thompson sampling (Thompson 1933), and the probability
is then known exactly: it is the propensity that off-policy evaluation needs. It is worked out by quadrature when
the counts change, not per decision.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy import stats

EXPLORATION = 0.01
"""The least share of decisions that each arm gets, while that sums to no more than half of them."""
REACH = 8
"""Standard deviations to either side of a posterior's mean that the quadrature covers."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)

Reward = Literal["click", "conversion", "revenue"]


class Arm(NamedTuple):
    """What an arm did: shown so often, rewarded so often, and of what the rewards were worth, sum and sum of squares.

    ``shown`` may be fractional: an answer that is half due counts as half a showing (offers/learning.py).
    """

    shown: float = 0.0
    rewarded: float = 0.0
    worth: float = 0.0
    squares: float = 0.0

    def plus(self, other: "Arm", part: float = 1.0) -> "Arm":
        return Arm(*(mine + part * theirs for mine, theirs in zip(self, other, strict=True)))


class Arms(Protocol):
    """Where the counts come from. They may lag behind: a late reward is a reward."""

    def arms(self, site: str, campaign: str, slot: str, context: str, /) -> Mapping[str, Arm]:
        """Counts by variant; a variant that is absent was never shown. Never raises."""


class NoArms:
    """Nothing was learned yet."""

    def arms(self, *_: str) -> Mapping[str, Arm]:
        return {}


def best_of(arms: Sequence[Arm], reward: Reward = "click") -> list[float]:
    """The probability that each arm is the best; sums to 1.

    Rates have a Beta posterior under a uniform prior, revenue for each showing a Normal-Gamma one.
    """
    if len(arms) == 1:
        return [1.0]
    posterior, mean, spread = _revenue(arms) if reward == "revenue" else _rates(arms)
    # Integrate each arm's density times the others' distribution functions, piece by piece where any density lives.
    edges = np.unique(np.concatenate([mean + step * spread for step in range(-REACH, REACH + 1)]))
    if reward != "revenue":
        edges = np.unique(np.clip(edges, 0.0, 1.0))
    half = np.diff(edges)[:, None] / 2
    points = (edges[:-1, None] + half * (1 + _NODES)).ravel()
    measure = (half * _WEIGHTS).ravel()
    below = np.log(np.clip(posterior.cdf(points), 1e-300, 1.0))
    others = np.exp(below.sum(axis=0) - below)
    shares = np.clip((posterior.pdf(points) * others * measure).sum(axis=1), 0.0, None)
    return [float(share) for share in shares / shares.sum()]


def explored(shares: Sequence[float], least: float = EXPLORATION) -> list[float]:
    """The same shares with at least ``least`` for each arm (or an equal part of half, if there are many)."""
    least = min(least, 0.5 / len(shares))
    return [least + share * (1 - least * len(shares)) for share in shares]


def _rates(arms: Sequence[Arm]) -> tuple[Any, np.ndarray, np.ndarray]:
    alpha = np.array([1.0 + arm.rewarded for arm in arms])[:, None]
    beta = np.array([1.0 + max(0.0, arm.shown - arm.rewarded) for arm in arms])[:, None]
    mean = alpha / (alpha + beta)
    return stats.beta(alpha, beta), mean.ravel(), np.sqrt(mean * (1 - mean) / (alpha + beta + 1)).ravel()


def _revenue(arms: Sequence[Arm]) -> tuple[Any, np.ndarray, np.ndarray]:
    """Student's t marginals of the means: Normal-Gamma with a prior of one showing worth the average of all arms."""
    shown = np.array([max(arm.shown, 0.0) for arm in arms])[:, None]
    worth = np.array([arm.worth for arm in arms])[:, None]
    squares = np.array([arm.squares for arm in arms])[:, None]
    total = max(shown.sum(), 1.0)
    centre = worth.sum() / total
    variance = max(squares.sum() / total - centre**2, 1e-12, centre**2 * 1e-6)
    weight = shown + 1.0
    mean = (worth + centre) / weight
    within = np.maximum(squares - worth**2 / np.maximum(shown, 1e-9), 0.0)
    shape = 1.5 + shown / 2
    rate = (
        1.5 * variance + within / 2 + shown * (worth / np.maximum(shown, 1e-9) - centre) ** 2 / (2 * weight)
    )
    scale = np.sqrt(rate / (shape * weight))
    spread = scale * np.sqrt(shape / (shape - 1))
    return stats.t(2 * shape, mean, scale), mean.ravel(), spread.ravel()
