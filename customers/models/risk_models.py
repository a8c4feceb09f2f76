"""Who will buy nothing for a while: the purchase models, calibrated, and a learner of behaviour beside them.

A model that is fitted for a day knows only what was before it.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from customers.models.behaviour import behaviour
from customers.models.bg_nbd import fit_bg_nbd
from customers.models.calibration import FEWEST, Calibration, calibrated
from customers.models.distinct import Distinct, distinct, for_each
from customers.models.features import features, logarithms
from customers.models.likelihood import TooFewPurchases
from customers.models.measures import logit
from customers.models.pareto_nbd import fit_pareto_nbd
from customers.models.timing import PurchaseTiming
from customers.purchases.history import Floats, History, Mask
from customers.purchases.summary import Customers, customers

Fit = Callable[[Distinct], PurchaseTiming]
PURCHASE_MODELS: dict[str, Fit] = {
    "modified BG/NBD": lambda of: fit_bg_nbd(of, modified=True),
    "Pareto/NBD": fit_pareto_nbd,
}
BEHAVIOUR = "behaviour"
CALIBRATION_WINDOWS = 2
"""Closed windows whose outcomes a purchase model is calibrated on: one may have been unusual."""
TRAINING_WINDOWS = 4
"""Closed windows, each a horizon long, that a learner of behaviour is trained on."""


class RiskModel(Protocol):
    def chance(self, of: History, buyers: Customers) -> Floats:
        """(n,): the probability that each of ``buyers`` has no order in the horizon that begins on their day."""
        ...


class PurchaseRisk(NamedTuple):
    """A purchase model's own formula, calibrated on the windows before."""

    timing: PurchaseTiming
    calibration: Calibration
    horizon: int

    def chance(self, of: History, buyers: Customers) -> Floats:  # noqa: ARG002
        silent = for_each(buyers.summary, lambda kinds: self.timing.silent(kinds, self.horizon))
        return self.calibration.of(silent)


class BehaviourRisk(NamedTuple):
    """The mean of gradient-boosted trees and a logistic regression on ``features``, trained on closed windows, and of
    the calibrated purchase model: their errors differ."""

    trees: HistGradientBoostingClassifier
    line: Pipeline
    purchase: PurchaseRisk

    def chance(self, of: History, buyers: Customers) -> Floats:
        rows = _rows(of, buyers, self.purchase.timing, self.purchase.horizon)
        trees, line = self.trees.predict_proba(rows)[:, 1], self.line.predict_proba(logarithms(rows))[:, 1]
        chance: Floats = (trees + line + self.purchase.chance(of, buyers)) / 3
        return chance


def silent_after(of: History, buyers: Customers, horizon: int) -> Mask:
    """(n,): which of ``buyers`` had no order that stands in the ``horizon`` days from their day on."""
    after = of.between(buyers.day, buyers.day + horizon)
    silent: Mask = after.total(after.stands)[buyers.rows] == 0
    return silent


def fit_purchase_risk(of: History, day: int, horizon: int, fit: Fit) -> PurchaseRisk:
    """From what was before ``day``. Raises TooFewPurchases."""
    of = of.until(day)
    timing = fit(distinct(customers(of, day).summary))
    chances, happened = [np.zeros(0)], [np.zeros(0, np.bool_)]
    for window in range(1, CALIBRATION_WINDOWS + 1):
        earlier = customers(of, day - window * horizon)
        try:
            former = PurchaseRisk(fit(distinct(earlier.summary)), Calibration(), horizon)
        except TooFewPurchases:
            break
        chances.append(former.chance(of, earlier))
        happened.append(silent_after(of, earlier, horizon))
    calibration = calibrated(np.concatenate(chances), np.concatenate(happened))
    return PurchaseRisk(timing, calibration, horizon)


def fit_behaviour_risk(of: History, day: int, horizon: int) -> BehaviourRisk:
    """From the closed windows before ``day``. Raises TooFewPurchases."""
    of = of.until(day)
    purchase = fit_purchase_risk(of, day, horizon, fit_pareto_nbd)
    rows, happened = [], []
    for window in range(1, TRAINING_WINDOWS + 1):
        buyers = customers(of, day - window * horizon)
        try:
            rows.append(_rows(of, buyers, fit_pareto_nbd(distinct(buyers.summary)), horizon))
        except TooFewPurchases:
            break
        happened.append(silent_after(of, buyers, horizon))
    if not rows or min(np.bincount(np.concatenate(happened), minlength=2)) < FEWEST:
        raise TooFewPurchases(
            f"a closed window in which {FEWEST} customers bought and {FEWEST} did not is needed"
        )
    known, silent = np.concatenate(rows), np.concatenate(happened)
    trees = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        l2_regularization=5,
        random_state=0,
    ).fit(known, silent)
    line = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000))
    return BehaviourRisk(trees, line.fit(logarithms(known), silent), purchase)


def _rows(of: History, buyers: Customers, timing: PurchaseTiming, horizon: int) -> Floats:
    """(n, k): features of purchases and of behaviour on the site, and the log odds that the purchase model gives."""
    silent = for_each(buyers.summary, lambda kinds: timing.silent(kinds, horizon))
    return np.column_stack([features(of, buyers, horizon), behaviour(of, buyers, horizon), logit(silent)])
