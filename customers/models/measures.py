"""How good a forecast was."""

import numpy as np
from scipy.stats import rankdata

from customers.purchases.history import Floats, Mask

LEAST = 1e-6
"""The least probability that is believed: nothing is certain."""


def auc(score: Floats, happened: Mask) -> float:
    """The probability that of two people, one to whom it happened and one to whom it did not, the first has the higher
    ``score``; half of the ties. NaN where it happened to all or to none."""
    many, few = np.count_nonzero(happened), np.count_nonzero(~happened)
    if not many or not few:
        return float("nan")
    ranks = rankdata(score)[happened].sum()
    return float((ranks - many * (many + 1) / 2) / (many * few))


def brier(chance: Floats, happened: Mask) -> float:
    """The mean squared error of the chances."""
    return float(np.mean((chance - happened) ** 2))


def log_loss(chance: Floats, happened: Mask) -> float:
    """The mean negative log likelihood of what happened."""
    said = np.clip(chance, LEAST, 1 - LEAST)
    return float(-np.mean(np.log(np.where(happened, said, 1 - said))))


def calibration_error(chance: Floats, happened: Mask, groups: int = 10) -> float:
    """The expected calibration error: people by ``chance`` in equally large groups, the mean distance of what was said
    of a group to the share to which it happened."""
    if not len(chance):
        return float("nan")
    parts = np.array_split(np.argsort(chance, kind="stable"), groups)
    off = sum(len(part) * abs(chance[part].mean() - happened[part].mean()) for part in parts if len(part))
    return float(off / len(chance))


def logit(chance: Floats) -> Floats:
    said = np.clip(chance, LEAST, 1 - LEAST)
    odds: Floats = np.log(said / (1 - said))
    return odds
