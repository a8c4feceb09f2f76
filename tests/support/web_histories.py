"""Shops with web history whose truth is known: visits that lead to orders, and visits that do not."""

import numpy as np

from customers.purchases.history import Activity, History
from tests.support.purchase_histories import history_of

DAYS = 500
INTEREST = 25.0
"""Days that a need lasts until it is met or gone."""


def shop_with_visits(people: int, lead_to_orders: bool, seed: int = 8) -> History:
    """Each has needs at a rate of their own. While a need lasts they visit every third day or so, and order sometime;
    else they visit seldom. Where visits do not ``lead_to_orders`` each has those of somebody else."""
    chance = np.random.default_rng(seed)
    rate = chance.gamma(1.2, 1 / 90, people)
    who: list[int] = []
    when: list[int] = []
    seen: list[np.ndarray] = []
    for person in range(people):
        needed = np.zeros(DAYS, np.bool_)
        start, ordered = chance.uniform(0, DAYS), [int(chance.uniform(0, DAYS * 0.6))]
        at = float(start)
        while (at := at + chance.exponential(1 / rate[person])) < DAYS:
            length = 1 + chance.exponential(INTEREST)
            needed[int(at) : int(at + length)] = True
            if chance.random() < 0.8 and at + length < DAYS:
                ordered.append(int(at + length))
            at += length
        daily = np.where(needed, chance.poisson(0.4, DAYS), chance.poisson(0.01, DAYS))
        seen.append(daily)
        days = sorted({day for day in ordered if day >= ordered[0]})
        who += [person] * len(days)
        when += days
    visits = np.stack(seen)
    if not lead_to_orders:
        visits = visits[chance.permutation(people)]
    known = history_of(
        [f"p{each:05}" for each in who], when, chance.gamma(4.0, 5.0, len(who)).round(2).tolist()
    )
    person, day = np.nonzero(visits)
    counts = visits[person, day].astype(np.float64)
    views = chance.poisson(3.0 * counts).astype(np.float64)
    carts = chance.binomial(views.astype(np.int64), 0.1).astype(np.float64)
    activity = Activity(
        person.astype(np.int32), day.astype(np.int32), counts, views, np.minimum(views, 2.0), carts
    )
    return known._replace(activity=activity)
