"""Calibration by Platt's method: chances are moved to what happened the last time such chances were given."""

import msgspec
import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from customers.models.measures import logit
from customers.purchases.history import Floats, Mask

FEWEST = 50
"""With fewer people of either kind nothing can be calibrated."""


class Calibration(msgspec.Struct, frozen=True):
    """``slope`` and ``shift`` of the log odds; 1 and 0 change nothing."""

    slope: float = 1.0
    shift: float = 0.0

    def of(self, chance: Floats) -> Floats:
        calibrated: Floats = expit(self.slope * logit(chance) + self.shift)
        return calibrated


def calibrated(chance: Floats, happened: Mask) -> Calibration:
    """From the chances that were given and what happened; none where too few people tell, or where the order of the
    chances was wrong."""
    if min(np.count_nonzero(happened), np.count_nonzero(~happened)) < FEWEST:
        return Calibration()
    found = LogisticRegression(C=1e6, max_iter=500).fit(logit(chance)[:, None], happened)
    slope, shift = float(found.coef_[0, 0]), float(found.intercept_[0])
    return Calibration(slope, shift) if slope > 0 else Calibration()
