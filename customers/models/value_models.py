"""What each customer will spend: a purchase model times gamma-gamma, and a two-stage learner beside it.

A model that is fitted for a day knows only what was before it.
"""

from typing import NamedTuple, Protocol

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from customers.models.calibration import FEWEST
from customers.models.distinct import Timings, distinct, for_each
from customers.models.features import features
from customers.models.gamma_gamma import GammaGamma, fit_gamma_gamma
from customers.models.likelihood import FEWEST_CUSTOMERS, TooFewPurchases
from customers.models.pareto_nbd import fit_pareto_nbd
from customers.models.risk_models import PURCHASE_MODELS, Fit
from customers.models.timing import PurchaseTiming
from customers.purchases.history import Floats, History
from customers.purchases.summary import Customers, Summary, customers

TWO_STAGE = "two-stage"
MEAN = "mean of Pareto/NBD and two-stage"
FEWEST_IN_A_PART = 5 * FEWEST_CUSTOMERS
"""Customers in each third by spend; with fewer, all are fitted together."""
FEWEST_BUYERS = 200
"""Customers who bought in the window that a two-stage learner is trained on."""


class ValueModel(Protocol):
    def revenue(self, of: History, buyers: Customers, days: int) -> Floats:
        """(n,): expected revenue of each of ``buyers`` in the ``days`` that begin on their day."""
        ...


class SpendThirds(NamedTuple):
    """A purchase model for each third of the customers by what they spend at a time: who spends more may well come
    more often, which gamma-gamma rules out."""

    edges: Floats
    timings: tuple[PurchaseTiming, ...]

    def purchases(self, of: Summary, days: int) -> Floats:
        """(n,): expected purchases of each in the next ``days``."""
        part, expected = np.searchsorted(self.edges, of.spend), np.zeros(len(of.spend))
        for number, timing in enumerate(self.timings):
            mine = part == number

            def ahead(kinds: Timings, timing: PurchaseTiming = timing) -> Floats:
                return timing.purchases(kinds, days)

            expected[mine] = for_each(of.rows(mine), ahead)
        return expected


class PurchaseValue(NamedTuple):
    thirds: SpendThirds
    money: GammaGamma

    def revenue(self, of: History, buyers: Customers, days: int) -> Floats:  # noqa: ARG002
        summary = buyers.summary
        return self.thirds.purchases(summary, days) * self.money.spend(summary.paid, summary.spend)


class TwoStageValue(NamedTuple):
    """The chance of an order times its worth, each by gradient-boosted trees, over ``window`` days. ``thirds`` says how
    much more a longer time brings."""

    buys: HistGradientBoostingClassifier | None
    """None where nearly everybody buys."""
    worth: HistGradientBoostingRegressor
    thirds: SpendThirds
    window: int

    def revenue(self, of: History, buyers: Customers, days: int) -> Floats:
        rows = features(of, buyers, self.window)
        within: Floats = self.worth.predict(rows)
        if self.buys:
            within = within * self.buys.predict_proba(rows)[:, 1]
        if days == self.window:
            return within
        longer = self.thirds.purchases(buyers.summary, days)
        ratio = longer / np.maximum(self.thirds.purchases(buyers.summary, self.window), 1e-12)
        return within * ratio


class MeanValue(NamedTuple):
    """Half of each of two models: their errors differ."""

    one: ValueModel
    other: ValueModel

    def revenue(self, of: History, buyers: Customers, days: int) -> Floats:
        return (self.one.revenue(of, buyers, days) + self.other.revenue(of, buyers, days)) / 2


def revenue_after(of: History, buyers: Customers, days: int) -> Floats:
    """(n,): what each of ``buyers`` spent in the ``days`` from their day on."""
    after = of.between(buyers.day, buyers.day + days)
    return after.total(after.revenue)[buyers.rows]


def fit_value(of: History, day: int, window: int, name: str) -> ValueModel:
    """The model called ``name``, from what was before ``day``; a learner trains on the ``window`` days before it.
    Raises TooFewPurchases."""
    of = of.until(day)
    buyers = customers(of, day)
    if name == TWO_STAGE:
        return _fit_two_stage(of, buyers, window)
    if name == MEAN:
        return MeanValue(fit_value(of, day, window, "Pareto/NBD"), _fit_two_stage(of, buyers, window))
    money = fit_gamma_gamma(buyers.summary.paid, buyers.summary.spend)
    if money is None:
        raise TooFewPurchases("no order has an amount in the site's currency")
    return PurchaseValue(_fit_thirds(buyers.summary, PURCHASE_MODELS[name]), money)


def _fit_thirds(of: Summary, fit: Fit) -> SpendThirds:
    if len(of.spend) >= 3 * FEWEST_IN_A_PART:
        edges = np.quantile(of.spend, (1 / 3, 2 / 3))
        part = np.searchsorted(edges, of.spend)
        try:
            return SpendThirds(edges, tuple(fit(distinct(of.rows(part == number))) for number in range(3)))
        except TooFewPurchases:
            pass  # most spend the same
    return SpendThirds(np.zeros(0), (fit(distinct(of)),))


def _fit_two_stage(of: History, now: Customers, window: int) -> TwoStageValue:
    then = customers(of, now.day - window)
    spent = revenue_after(of, then, window)
    paid = spent > 0
    if np.count_nonzero(paid) < FEWEST_BUYERS:
        raise TooFewPurchases(f"a closed window in which {FEWEST_BUYERS} customers bought is needed")
    rows = features(of, then, window)
    trees = {
        "max_iter": 150, "learning_rate": 0.05, "max_leaf_nodes": 8,
        "min_samples_leaf": 50, "l2_regularization": 5, "random_state": 0,
    }  # fmt: skip
    return TwoStageValue(
        HistGradientBoostingClassifier(**trees).fit(rows, paid)
        if np.count_nonzero(~paid) >= FEWEST
        else None,
        HistGradientBoostingRegressor(loss="gamma", **trees).fit(rows[paid], spent[paid]),
        _fit_thirds(now.summary, fit_pareto_nbd),
        window,
    )
