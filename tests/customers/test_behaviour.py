"""Behaviour on the site: what it adds to the risk where it tells of orders, and nothing where it does not."""

import numpy as np
import pytest

from customers.models.behaviour import behaviour
from customers.models.measures import auc
from customers.models.risk_models import BEHAVIOUR, silent_after
from customers.purchases.history import NO_ACTIVITY, Activity, History
from customers.purchases.summary import customers
from customers.scoring.risk import fit_risk, learn_risk
from tests.support.purchase_histories import history_of
from tests.support.web_histories import shop_with_visits

HORIZON, DAY, LATER = 45, 400, 455


def gain(of: History, day: int) -> float:
    """By how much the ranking of what is used is better than that of the purchase model, on days that nobody knew."""
    buyers, silent = customers(of, day), silent_after(of, customers(of, day), HORIZON)
    found = learn_risk(of.until(day), day, HORIZON)
    assert found.model
    plain = fit_risk(of, day, HORIZON, "Pareto/NBD").chance(of.until(day), buyers)
    return auc(found.model.chance(of.until(day), buyers), silent) - auc(plain, silent)


@pytest.mark.slow
@pytest.mark.parametrize("day", [DAY, LATER])
def test_visits_that_lead_to_orders_rank_better(day: int) -> None:
    of = shop_with_visits(1000, lead_to_orders=True)
    assert gain(of, day) >= 0.03
    card = learn_risk(of.until(day), day, HORIZON).card
    assert card and card.model == BEHAVIOUR and card.behaviour == "adds"
    assert card.auc_purchase is not None and card.auc - card.auc_purchase >= 0.03


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_gain_is_claimed_where_visits_are_somebody_elses(seed: int) -> None:
    of = shop_with_visits(600, lead_to_orders=False, seed=seed)
    card = learn_risk(of.until(LATER), LATER, HORIZON).card
    assert card and card.behaviour != "adds"


def test_without_web_history_the_card_says_so() -> None:
    of = shop_with_visits(400, lead_to_orders=True)._replace(activity=NO_ACTIVITY)
    card = learn_risk(of.until(DAY), DAY, HORIZON).card
    assert card and card.behaviour == "no web history" and card.auc_purchase is not None
    assert behaviour(of, customers(of, DAY), HORIZON).shape == (400, 0)


def test_features_of_two_customers_by_hand() -> None:
    of = history_of(["a", "a", "b"], [10, 90, 50], [1.0, 1.0, 1.0])
    seen = Activity(
        np.array([0, 0, 1], np.int32), np.array([85, 98, 99], np.int32), np.array([1.0, 2.0, 1.0]),
        np.array([3.0, 4.0, 0.0]), np.array([1.0, 2.0, 0.0]), np.array([1.0, 0.0, 0.0]),
    )  # fmt: skip
    of = of._replace(activity=seen)
    found = behaviour(of, customers(of, 100), 40)
    waits = found[:, :5].tolist()
    assert waits == [[2.0, 2.0, 15.0, 2.0, 80.0], [1.0, 80.0, 80.0, 80.0, 80.0]]
    windows = found[:, 5:-1].reshape(2, 4, 4)
    assert windows[0].tolist() == [[2, 4, 2, 0], [2, 4, 2, 0], [3, 7, 3, 1], [3, 7, 3, 1]]
    assert windows[1].tolist() == [[1, 0, 0, 0]] * 4
    assert found[:, -1].tolist() == [2.0, 1.0], "visits since the last order"
    before = behaviour(of, customers(of, 98), 40)
    assert before[0, 0] == 13 and behaviour(of.until(98), customers(of, 98), 40).tolist() == before.tolist()


def test_some_customers_keep_their_own_behaviour() -> None:
    of = shop_with_visits(60, lead_to_orders=True)
    few = of.some(np.arange(of.people) % 7 == 3)
    whole, part = (behaviour(each, customers(each, DAY), HORIZON) for each in (of, few))
    rows = [
        customers(of, DAY).rows.tolist().index(at)
        for at in range(3, of.people, 7)
        if at in customers(of, DAY).rows
    ]
    assert part.tolist() == whole[rows].tolist()
