"""The card of what earlier runs of the scores said: stored risks and values enter, and what the customers did since."""

from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.models.risk_models import silent_after
from customers.purchases.history import Floats, History, Longs
from customers.purchases.summary import Customers, customers
from customers.scoring.card import VALUE_DAYS, RiskCard, ValueCard
from customers.scoring.drift import drift
from customers.scoring.risk import Risk, risk_card
from customers.scoring.value import Value, share_within, value_card
from warehouse.customers.told_scores import ToldScores

EPOCH = date(1970, 1, 1)
FEWEST = 100
"""Customers of whom a snapshot has to tell; with fewer a back-test judges."""


class Told(NamedTuple):
    """The newest stored scores whose time is over; None where there are none yet."""

    risk: ToldScores | None = None
    value: ToldScores | None = None


NOTHING_TOLD = Told()


def with_told(of: History, risk: Risk, value: Value, horizon: int, told: Told) -> tuple[Risk, Value]:
    """The same, with the cards of what was told where that is stored. What was no better than the obvious rule then is
    not shown now, whatever a back-test says."""
    if told.risk and risk.card and (card := _risk_card(of, told.risk, horizon, risk.now, risk.card)):
        risk = risk._replace(card=card)
        if not card.better:
            risk = risk._replace(model=None, absent="no better than the obvious rule")
    if told.value and value.card and (judged := _value_card(of, told.value, value.width)):
        value = value._replace(card=judged)
        if not judged.better:
            value = value._replace(model=None, absent="no better than the obvious rule")
    return risk, value


def _risk_card(
    of: History, told: ToldScores, horizon: int, now: Floats | None, before: RiskCard
) -> RiskCard | None:
    buyers, rows = _buyers(of, told)
    if len(rows) < FEWEST:
        return None
    chance: Floats = told.rows["risk"].to_numpy()[rows]
    silent = silent_after(of, buyers, horizon)
    if not 0 < np.count_nonzero(silent) < len(silent):
        return None
    card = risk_card(of, buyers, chance, "", horizon)
    moved = drift(chance, now, silent) if now is not None else None
    return msgspec.structs.replace(
        card, source="snapshot", drift=moved, auc_purchase=before.auc_purchase, behaviour=before.behaviour
    )


def _value_card(of: History, told: ToldScores, width: float) -> ValueCard | None:
    """What came is the contribution that each had since; the interval of the sum is as wide as today's."""
    buyers, rows = _buyers(of, told)
    if len(rows) < FEWEST:
        return None
    said, low, high, until_then = (
        told.rows[name].to_numpy()[rows] for name in ("clv", "clv_low", "clv_high", "contribution")
    )
    happened = of.total(of.revenue - of.cost)[buyers.rows] - until_then
    earlier = of.between(buyers.day - VALUE_DAYS, buyers.day)
    repeat = earlier.total(earlier.revenue - earlier.cost)[buyers.rows]
    card = value_card(said, happened, repeat, width, share_within(low, happened, high))
    return msgspec.structs.replace(card, days=VALUE_DAYS, source="snapshot", told_on=buyers.day - 1)


def _buyers(of: History, told: ToldScores) -> tuple[Customers, Longs]:
    """Those of the snapshot who are customers still, as of its end, and the row of each in it. Who was erased since,
    or gave all back, is left out."""
    then = customers(of, (told.day - EPOCH).days + 1)
    place = pc.index_in(told.rows["profile"], of.profiles.cast(pa.string())).to_numpy(zero_copy_only=False)
    row_of = np.full(of.people, -1)
    known = np.flatnonzero(~np.isnan(place))
    row_of[place[known].astype(np.int64)] = known
    rows = row_of[then.rows]
    found = np.flatnonzero(rows >= 0)
    return Customers(then.day, then.rows[found], then.summary.rows(found)), rows[found]
