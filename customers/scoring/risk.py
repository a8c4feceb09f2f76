"""The risk of each customer: the candidate that was best on the site's last closed window, if it beat the obvious."""

from typing import NamedTuple

import msgspec
import numpy as np

from customers.models.likelihood import TooFewPurchases
from customers.models.measures import auc, brier, calibration_error, log_loss
from customers.models.risk_models import (
    BEHAVIOUR,
    PURCHASE_MODELS,
    RiskModel,
    fit_behaviour_risk,
    fit_purchase_risk,
    silent_after,
)
from customers.purchases.history import Floats, History, Mask
from customers.purchases.summary import Customers, customers
from customers.scoring.card import Absent, Behaviour, RiskCard
from customers.scoring.drift import drift

CLEARLY = 2.0
"""Standard errors."""
CANDIDATES = (*PURCHASE_MODELS, BEHAVIOUR)


class Risk(NamedTuple):
    """``model`` is None where no risk may be shown; ``absent`` and ``needs`` say why."""

    model: RiskModel | None
    card: RiskCard | None
    absent: Absent | None = None
    needs: str = ""
    now: Floats | None = None
    """What ``model`` says of the customers that it learnt from."""


def learn_risk(of: History, today: int, horizon: int) -> Risk:
    """The best candidate, fitted for ``today``: risks of no order in ``horizon`` days. Judged on the window that
    ended with yesterday, by candidates that knew only what was before it."""
    first = int(of.day.min()) if len(of.day) else today
    cut = today - horizon
    if cut - first < horizon // 2:
        needs = f"{horizon + horizon // 2} days of orders are needed, there are {today - first}"
        return Risk(None, None, "history too short", needs)
    buyers = customers(of, cut)
    silent = silent_after(of, buyers, horizon)
    chances: dict[str, Floats] = {}
    needs = ""
    for name in CANDIDATES:
        try:
            chances[name] = fit_risk(of, cut, horizon, name).chance(of.until(cut), buyers)
        except TooFewPurchases as few:
            needs = needs or str(few)
    if not chances or not 0 < np.count_nonzero(silent) < len(silent):
        return Risk(None, None, "too few customers", needs or "all customers did the same")
    best = min(chances, key=lambda name: log_loss(chances[name], silent))
    card = risk_card(of, buyers, chances[best], best, horizon)
    card = _with_behaviour(card, of, chances, silent)
    if not card.better:
        return Risk(None, card, "no better than the obvious rule", "")
    model = fit_risk(of, today, horizon, best)
    now = model.chance(of, customers(of, today))
    return Risk(model, msgspec.structs.replace(card, drift=drift(chances[best], now, silent)), now=now)


def _with_behaviour(card: RiskCard, of: History, chances: dict[str, Floats], silent: Mask) -> RiskCard:
    """What visits add to the best of the models that know purchases only: errors of the same customers in pairs."""
    known = [name for name in chances if name != BEHAVIOUR]
    if not known:
        return card
    plain = chances[min(known, key=lambda name: log_loss(chances[name], silent))]
    word: Behaviour = "no web history"
    if len(of.activity.day):
        word = "adds nothing that can be shown"
        less = (plain - silent) ** 2 - (chances.get(BEHAVIOUR, plain) - silent) ** 2
        if card.model == BEHAVIOUR and less.mean() > CLEARLY * less.std() / np.sqrt(len(less)):
            word = "adds"
    return msgspec.structs.replace(card, auc_purchase=auc(plain, silent), behaviour=word)


def fit_risk(of: History, day: int, horizon: int, name: str) -> RiskModel:
    """The candidate called ``name``, from what was before ``day``. Raises TooFewPurchases."""
    if name == BEHAVIOUR:
        return fit_behaviour_risk(of, day, horizon)
    return fit_purchase_risk(of, day, horizon, PURCHASE_MODELS[name])


def risk_card(of: History, buyers: Customers, chance: Floats, name: str, horizon: int) -> RiskCard:
    """Of ``chance`` (n,), told of ``buyers`` on their day by the model called ``name``."""
    silent = silent_after(of, buyers, horizon)
    before = customers(of, buyers.day - horizon)
    usual = silent_after(of, before, horizon) if len(before.rows) else silent
    said = chance > 0.5
    return RiskCard(
        model=name,
        days=horizon,
        customers=len(silent),
        auc=auc(chance, silent),
        auc_recency=auc(buyers.summary.age - buyers.summary.last, silent),
        brier=brier(chance, silent),
        brier_constant=brier(np.full(len(silent), usual.mean()), silent),
        calibration=calibration_error(chance, silent),
        said=int(np.count_nonzero(said)),
        held=int(np.count_nonzero(said & silent)),
        told_on=buyers.day - 1,
    )
