"""Thompson sampling, of variants as probability matching: how likely each is the best, and so how often it is played.

Drawing an arm with the probability that it is best *is* Thompson sampling (Thompson 1933), and the probability
is then known: it is the propensity that off-policy evaluation needs. It is worked out by quadrature when the
counts change, not per decision. Campaigns that compete differ from visitor to visitor; of them one draw each decides.
"""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from offers.campaign.campaign import Reward
from profiles.redis.refreshed import Source
from tracker.sites import Site

EXPLORATION = 0.01
"""The least share of decisions that each arm gets, while that sums to no more than half of them."""
_STEPS = np.sinh(np.linspace(-3.5, 3.5, 129))
"""Where the posteriors are looked at, in standard deviations from each arm's mean: to 16 on either side."""


class Arm(NamedTuple):
    """What an arm did: shown so often, rewarded so often, and of what the rewards were worth, sum and sum of squares.

    ``shown`` may be fractional: an answer that is half due counts as half a showing (offers/feedback/attribution.py).
    """

    shown: float = 0.0
    rewarded: float = 0.0
    worth: float = 0.0
    squares: float = 0.0

    def plus(self, other: "Arm", part: float = 1.0) -> "Arm":
        return Arm(*(mine + part * theirs for mine, theirs in zip(self, other, strict=True)))


class Arms(Source, Protocol):
    """Where the counts come from. They may lag behind: a late reward is a reward."""

    def arms(self, site: str, campaign: str, slot: str, context: str, /) -> Mapping[str, Arm]:
        """Counts by variant as last read; a variant that is absent was never shown. Asks no store."""


class NoArms:
    """Nothing was learned yet."""

    def due(self, _: Site) -> bool:
        return False

    def refresh(self, _: Site) -> None:
        return None

    def arms(self, *_: str) -> Mapping[str, Arm]:
        return {}


def best_probabilities(arms: Sequence[Arm], reward: Reward = "click") -> list[float]:
    """The probability that each arm is the best; sums to 1, right to about 0.001.

    Rates have a Beta posterior under a uniform prior, revenue for each showing a Normal-Gamma one.
    """
    if len(arms) == 1:
        return [1.0]
    shown, rewarded, worth, squares = np.array(arms, float).T[:, :, None]
    grid, density = _revenue(shown, worth, squares) if reward == "revenue" else _rates(shown, rewarded)
    # Each arm's mass in each cell of the grid, times the others' mass below the middle of that cell.
    mass = (density[:, 1:] + density[:, :-1]) * np.diff(grid)
    mass /= mass.sum(axis=1, keepdims=True)
    below = np.log(np.maximum(np.cumsum(mass, axis=1) - mass / 2, 1e-300))
    others = np.exp(below.sum(axis=0) - below)
    shares = (mass * others).sum(axis=1)
    return [float(share) for share in shares / shares.sum()]


def posterior_draws(arms: Sequence[Arm], reward: Reward, chance: random.Random) -> list[float]:
    """A draw from what is believed of each arm: the arm with the largest is played."""
    if reward != "revenue":
        return [
            chance.betavariate(1 + arm.rewarded, 1 + max(0.0, arm.shown - arm.rewarded))
            if arm.shown
            else chance.random()
            for arm in arms
        ]
    shown, _, worth, squares = np.array(arms, float).T
    belief = zip(*(each.tolist() for each in _student(shown, worth, squares)), strict=True)
    return [
        mean + scale * chance.gauss(0, 1) / chance.gammavariate(shape, 1 / shape) ** 0.5
        for mean, scale, shape in belief
    ]


def with_exploration(shares: Sequence[float], least: float = EXPLORATION) -> list[float]:
    """The same shares with at least ``least`` for each arm (or an equal part of half, if there are many)."""
    least = min(least, 0.5 / len(shares))
    return [least + share * (1 - least * len(shares)) for share in shares]


def _rates(shown: np.ndarray, rewarded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grid and densities, up to a factor, of Beta(1 + rewarded, 1 + not rewarded)."""
    won, lost = np.maximum(rewarded, 0.0), np.maximum(shown - rewarded, 0.0)
    mean = (won + 1) / (won + lost + 2)
    grid = _grid(mean, np.sqrt(mean * (1 - mean) / (won + lost + 3)))
    grid = np.unique(np.clip(grid, 1e-12, 1 - 1e-12))
    return grid, _normal(won * np.log(grid) + lost * np.log1p(-grid))


def _revenue(shown: np.ndarray, worth: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grid and densities, up to a factor, of the beliefs of ``_student``."""
    mean, scale, shape = _student(shown, worth, squares)
    grid = _grid(mean, scale * np.sqrt(shape / (shape - 1)))
    return grid, _normal(-(shape + 0.5) * np.log1p(((grid - mean) / scale) ** 2 / (2 * shape)))


def _student(
    shown: np.ndarray, worth: np.ndarray, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, scale and half the degrees of freedom of Student's t marginals: Normal-Gamma with a prior of one showing
    worth all arms' average."""
    shown = np.maximum(shown, 1e-9)
    total = max(float(shown.sum()), 1.0)
    centre = float(worth.sum()) / total
    variance = max(float(squares.sum()) / total - centre**2, centre**2 * 1e-6, 1e-12)
    weight, shape = shown + 1.0, 1.5 + shown / 2
    mean = (worth + centre) / weight
    within = np.maximum(squares - worth**2 / shown, 0.0)
    rate = 1.5 * variance + within / 2 + shown * (worth / shown - centre) ** 2 / (2 * weight)
    return mean, np.sqrt(rate / (shape * weight)), shape


def _grid(mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Fine around every arm's mean, coarse in its tails: an arm may be a thousand times surer than another."""
    return np.unique(mean + spread * _STEPS)


def _normal(logarithm: np.ndarray) -> np.ndarray:
    """exp, with each row's largest value 1."""
    scaled: np.ndarray = np.exp(logarithm - logarithm.max(axis=1, keepdims=True))
    return scaled
