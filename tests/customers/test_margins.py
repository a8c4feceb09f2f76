"""Costs in the value: what is left of each customer's revenue, and who costs more than they bring."""

import numpy as np
import pytest

from customers.purchases.history import History
from customers.scoring.scores import OTHERS_WEIGHT, learn, margins, scores
from tests.support.purchase_histories import history_of

TODAY = 400


def costly(of: History, share: np.ndarray, known: np.ndarray) -> History:
    """``share`` (n,) of each one's revenue was cost, where that is ``known`` (n,)."""
    mine = of.revenue * known[of.person]
    return of._replace(cost=mine * share[of.person], costed=mine)


def shop(people: int = 600) -> History:
    chance = np.random.default_rng(9)
    who, when = [], []
    for person in range(people):
        start, rate = chance.uniform(0, TODAY), chance.gamma(0.8, 0.06)
        times = start + np.cumsum([0, *chance.exponential(1 / rate, 30)])
        days = sorted({int(each) for each in times if each < min(TODAY, start + chance.exponential(150) + 1)})
        who += [f"p{person:04}"] * len(days)
        when += days
    return history_of(who, when, chance.gamma(4.0, 5.0, len(who)).round(2).tolist())


def test_margins_by_hand() -> None:
    """Mean day 20, so everybody counts as if 40 more had been bought at everybody's margin."""
    of = history_of(["a", "a", "b", "c"], [1, 2, 3, 4], [10.0, 30.0, 20.0, 20.0])
    of = costly(of, np.array([0.5, 0.9, 0.0]), np.array([True, True, False]))
    share = (20 + 18) / 60
    assert OTHERS_WEIGHT == 2
    wanted = [1 - (20 + 40 * share) / 80, 1 - (18 + 40 * share) / 60, 1 - share]
    assert margins(of, share) == pytest.approx(wanted)


def test_value_is_what_is_left_after_cost() -> None:
    of = shop()
    share = np.where(np.arange(of.people) % 2, 0.2, 0.8)
    plain = scores(of, TODAY, learn(of, TODAY, 60)).columns
    for known, whole in ((np.ones(of.people, np.bool_), share), (np.zeros(of.people, np.bool_), 0 * share)):
        told = costly(of, share, known)
        found = scores(told, TODAY, learn(told, TODAY, 60)).columns
        kept = found["clv"] / plain["clv"]
        usual = 1 - (of.total(of.revenue) @ whole) / of.revenue.sum()
        own = 1 - whole
        between = (np.minimum(usual, own) - 1e-9 <= kept) & (kept <= np.maximum(usual, own) + 1e-9)
        assert between.all(), "drawn from everybody's margin towards their own"
        assert found["contribution"] == pytest.approx(of.total(of.revenue) * (1 - whole))
        assert ((found["clv_low"] <= found["clv"] + 1e-9) & (found["clv"] <= found["clv_high"] + 1e-9)).all()


def test_who_costs_more_than_they_bring_has_a_value_below_nothing() -> None:
    of = shop()
    chance = np.random.default_rng(1)
    share = np.where(chance.random(of.people) < 0.1, 3.0, 0.5)
    told = costly(of, share, np.ones(of.people, np.bool_))
    found = scores(told, TODAY, learn(told, TODAY, 60)).columns
    often = (share == 3.0) & (told.total(told.orders) > 8)
    assert often.any() and (found["clv"][often] < 0).all() and (found["contribution"][share == 3.0] < 0).all()
    assert (found["clv_low"] <= found["clv"] + 1e-9).all() and (
        found["clv"] <= found["clv_high"] + 1e-9
    ).all()
