"""Reciprocal ranks of two models on the same sessions, whose true difference is known."""

import numpy as np

from recommender.evaluation.cases import Case

RANKS = np.concatenate([1.0 / np.arange(1, 21), [0.0]])
SHARES = np.array([0.20, 0.10, 0.07, 0.05, 0.04, *[0.014] * 15, 0.33])
"""How often the choice stands at each rank: HR@20 0.67 and MRR@20 0.33, as on YooChoose."""
CHANGED = 0.4
"""The share of sessions in which two models of one shop rank the choice differently."""


def cases(sessions: int) -> list[Case]:
    return [Case(number, (), 0, 0, frozenset(("x",))) for number in range(sessions)]


def paired(change: float, sessions: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``sessions`` ranks of a candidate, which is ``change`` (-0.05 is 5 %) better than the live model, and the live
    model's."""
    share = SHARES / SHARES.sum()
    live = chance.choice(RANKS, sessions, p=share)
    candidate = np.where(chance.random(sessions) < CHANGED, chance.choice(RANKS, sessions, p=share), live)
    if change < 0:
        return candidate * (chance.random(sessions) < 1 + change), live
    return candidate, live * (chance.random(sessions) < 1 / (1 + change))
