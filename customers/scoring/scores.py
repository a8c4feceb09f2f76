"""The scores of all customers of a site on a day, and the card that goes with them."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from customers.models.bg_nbd import BgNbd, fit_bg_nbd
from customers.models.distinct import distinct
from customers.models.likelihood import TooFewPurchases
from customers.purchases.history import Floats, History
from customers.purchases.summary import Customers, customers
from customers.scoring.card import RISK_DAYS, VALUE_DAYS, ScoreCard
from customers.scoring.risk import Risk, learn_risk
from customers.scoring.told import NOTHING_TOLD, Told, with_told
from customers.scoring.value import Value, learn_value

LEARNT_FROM = 60_000
"""Customers that models learn from and are judged on, at most: more change the third digit, and take minutes."""
OTHERS_WEIGHT = 2.0
SCORED_TOGETHER = 100_000
"""Customers whose features are in memory at one time."""


class Learnt(NamedTuple):
    """What a site's history taught: ``card`` says what of it may be shown."""

    risk: Risk
    value: Value
    rhythm: BgNbd | None
    cost_share: float
    """Of the revenue whose cost is known, the share that it cost; 0 where no cost is known."""
    card: ScoreCard


def learn(of: History, today: int, risk_days: int = RISK_DAYS, told: Told = NOTHING_TOLD) -> Learnt:
    """From the purchases before ``today`` (days since 1970-01-01, the site's own). ``told``: what was said before."""
    some = of.until(today).sample(LEARNT_FROM)
    # One thread: two cores are shared with what answers visitors, and threads that wait for one another take longer.
    with threadpool_limits(1):
        risk, value = learn_risk(some, today, risk_days), learn_value(some, today, VALUE_DAYS)
    risk, value = with_told(of.until(today), risk, value, risk_days, told)
    rhythm = None
    if risk.model:
        try:
            rhythm = fit_bg_nbd(distinct(customers(some, today).summary), modified=True)
        except TooFewPurchases:
            risk = risk._replace(model=None)
    buyers = len(customers(of, today).rows)
    card = ScoreCard(
        today, buyers, risk_days, risk.card, risk.absent, risk.needs, value.card, value.absent, value.needs
    )
    cost_share = float(of.cost.sum() / of.costed.sum()) if of.costed.any() else 0.0
    return Learnt(risk, value, rhythm, cost_share, card)


class Scores(NamedTuple):
    """Columns (n,) by the names that profiles have, for the rows of ``History.profiles``; NaN: not known."""

    columns: Mapping[str, Floats]
    card: ScoreCard


def scores(of: History, today: int, learnt: Learnt) -> Scores:
    """``risk90`` (with the days of the risk): the probability of no order in the next 90 days. ``next_order``: the day
    by which an order is more likely than not, where that is within a year. ``clv``, ``clv_low``, ``clv_high``:
    expected contribution of the next 365 days with its interval; 0 for those who gave all back. ``contribution``:
    until now. A score that the card does not allow is left out."""
    names = [f"risk{learnt.card.risk_days}", "next_order"] if learnt.risk.model else []
    names += ["clv", "clv_low", "clv_high"] if learnt.value.model else []
    columns = {name: np.full(of.people, np.nan) for name in names}
    for first in range(0, of.people, SCORED_TOGETHER):
        mine = np.zeros(of.people, np.bool_)
        mine[first : first + SCORED_TOGETHER] = True
        with threadpool_limits(1):
            found = _scored(of.some(mine).until(today), today, learnt)
        for name, values in found.items():
            columns[name][mine] = values
    if of.revenue.any():
        columns["contribution"] = of.total(of.revenue - of.cost)
    card = learnt.card
    if learnt.value.model:
        total = learnt.value.interval(float(np.nansum(columns["clv"])))
        card = msgspec.structs.replace(card, value_total=total)
    return Scores(columns, card)


def _scored(some: History, today: int, learnt: Learnt) -> dict[str, Floats]:
    buyers = customers(some, today)
    found: dict[str, Floats] = {}
    if learnt.risk.model and learnt.rhythm:
        found[f"risk{learnt.card.risk_days}"] = _spread_out(
            some, buyers, learnt.risk.model.chance(some, buyers), np.nan
        )
        found["next_order"] = _spread_out(some, buyers, _next_order(learnt.rhythm, buyers), np.nan)
    if learnt.value.model and learnt.value.spread:
        revenue = learnt.value.model.revenue(some, buyers, VALUE_DAYS)
        low, high = learnt.value.spread.of(revenue)
        kept = margins(some, learnt.cost_share)[buyers.rows]
        # What costs more than it brings turns the interval round.
        low, high = np.minimum(low * kept, high * kept), np.maximum(low * kept, high * kept)
        for name, values in (("clv", revenue * kept), ("clv_low", low), ("clv_high", high)):
            found[name] = _spread_out(some, buyers, values, 0.0)
    return found


def margins(of: History, cost_share: float) -> Floats:
    """(n,): the share of each one's revenue that is left after its cost: their own, drawn towards that of all as if
    they had bought for OTHERS_WEIGHT mean days more."""
    usual = OTHERS_WEIGHT * float(of.revenue[of.stands].mean()) if of.stands.any() else 1.0
    cost, known = of.total(of.cost), of.total(of.costed)
    kept: Floats = 1 - (cost + usual * cost_share) / np.maximum(known + usual, 1e-9)
    return kept


def _spread_out(some: History, buyers: Customers, values: Floats, others: float) -> Floats:
    """(n,): the values of the buyers among all; ``others`` is that of those who gave all back."""
    everybody = np.full(some.people, others)
    everybody[buyers.rows] = values
    return everybody


def _next_order(rhythm: BgNbd, buyers: Customers) -> Floats:
    """(n,): solves alive · (1 - (reached / (reached + t))^(r + x)) = 1/2 for t, in days since 1970-01-01."""
    of = buyers.summary
    kinds = distinct(of)
    alive, reached = rhythm.alive(kinds.timings), rhythm.alpha + kinds.timings.age
    left = np.maximum(1 - 0.5 / np.maximum(alive, 1e-9), 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        wait = reached * (left ** (-1 / (rhythm.r + kinds.timings.repeats)) - 1)
    day = np.where(wait <= VALUE_DAYS, buyers.day + np.floor(wait), np.nan)
    ahead: Floats = day[kinds.kind]
    return ahead
