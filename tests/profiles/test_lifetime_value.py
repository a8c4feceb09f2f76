"""Churn and lifetime value: against published estimates, and on simulated customers whose truth is known."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from profiles import lifetime_value as value_module
from profiles.lifetime_value import Purchases, TooFewPurchases, Value, fit

CDNOW = Path(__file__).parent / "cdnow" / "cdnow.csv.gz"
TRUTH = Value(r=0.6, alpha=20.0, a=0.8, b=2.5, p=6.0, q=4.0, v=15.0)


def cdnow() -> Purchases:
    with gzip.open(CDNOW, "rt") as file:
        rows = np.array([[float(cell) for cell in row.values()] for row in csv.DictReader(file)])
    return Purchases(repeats=rows[:, 0], last=rows[:, 1], age=rows[:, 2], spend=np.zeros(len(rows)))


def simulate(
    customers: int, age: float, after: float, seed: int = 1
) -> tuple[Purchases, np.ndarray, np.ndarray]:
    """What customers drawn from TRUTH bought until ``age`` days; purchases and revenue of each in ``after`` more."""
    chance = np.random.default_rng(seed)
    found, later, revenue = [], [], []
    for _ in range(customers):
        rate, leaving = chance.gamma(TRUTH.r, 1 / TRUTH.alpha), chance.beta(TRUTH.a, TRUTH.b)
        scale = chance.gamma(TRUTH.q, 1 / TRUTH.v)
        times = [0.0]
        while chance.random() >= leaving and times[-1] < age + after:
            times.append(times[-1] + chance.exponential(1 / rate))
        times = [time for time in times if time < age + after]
        paid = chance.gamma(TRUTH.p, 1 / scale, len(times))
        known = sum(time < age for time in times)
        found.append((known - 1, times[known - 1], age, paid[:known].mean()))
        later.append(len(times) - known)
        revenue.append(paid[known:].sum())
    columns = np.array(found).T
    return Purchases(*columns), np.array(later), np.array(revenue)


def test_finds_in_cdnow_what_the_paper_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batislam, Denizel & Filiztekin (2007): r 0.525, alpha 6.183 weeks, a 0.891, b 1.614, without any prior."""
    monkeypatch.setattr(value_module, "PRIOR_SD", 1e9)
    found = fit(cdnow())
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx([0.525, 6.183, 0.891, 1.614], abs=0.001)


def test_the_prior_hardly_moves_a_shop_of_some_size() -> None:
    found = fit(cdnow())
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx([0.525, 6.183, 0.891, 1.614], rel=0.02)


def test_forecasts_are_right_on_average_and_in_every_group() -> None:
    """Back-test: fitted on 200 days, judged on the 100 after them."""
    known, later, revenue = simulate(8_000, age=200.0, after=100.0)
    found = fit(known)
    forecast = found.purchases(known, 100.0)
    assert forecast.sum() == pytest.approx(later.sum(), rel=0.05)
    assert found.lifetime(known, 100.0).sum() == pytest.approx(revenue.sum(), rel=0.08)
    for group in np.array_split(np.argsort(forecast), 5)[1:]:
        assert forecast[group].sum() == pytest.approx(later[group].sum(), rel=0.15, abs=25)


def test_churn_is_calibrated() -> None:
    """Of those said to be alive with 60 to 80 %, 60 to 80 % are; told from the simulation by a very long wait."""
    known, later, _ = simulate(8_000, age=200.0, after=1e6)
    alive = fit(known).alive(known)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        group = (alive >= low) & (alive < low + 0.2)
        if group.sum() > 200:
            assert np.mean(later[group] > 0) == pytest.approx(alive[group].mean(), abs=0.06)


def test_more_recent_and_more_frequent_is_better() -> None:
    one = Purchases(
        *(np.array(column, float) for column in ((4, 4, 0), (180, 40, 0), (200, 200, 200), (9, 9, 9)))
    )
    recent, silent, once = TRUTH.alive(one)
    assert recent > once > silent
    assert TRUTH.purchases(one)[0] > TRUTH.purchases(one)[2] > TRUTH.purchases(one)[1]


def test_expected_purchases_are_the_integral_of_the_model() -> None:
    """The closed form against a numerical average over the posterior of rate and chance to leave."""
    of = Purchases(*(np.array([each]) for each in (3.0, 90.0, 120.0, 10.0)))
    rate = np.linspace(1e-5, 0.4, 2_000)[:, None]
    leaving = np.linspace(5e-4, 1 - 5e-4, 1_000)[None, :]
    prior = rate ** (TRUTH.r - 1) * np.exp(-TRUTH.alpha * rate)
    prior = prior * leaving ** (TRUTH.a - 1) * (1 - leaving) ** (TRUTH.b - 1)
    stayed = (1 - leaving) ** 4 * rate**3 * np.exp(-rate * 120)
    left = leaving * (1 - leaving) ** 3 * rate**3 * np.exp(-rate * 90)
    ahead = (1 - np.exp(-rate * leaving * 50)) / leaving
    assert TRUTH.alive(of)[0] == pytest.approx(
        (prior * stayed).sum() / (prior * (stayed + left)).sum(), rel=0.02
    )
    expected = (prior * stayed * ahead).sum() / (prior * (stayed + left)).sum()
    assert TRUTH.purchases(of, 50.0)[0] == pytest.approx(expected, rel=0.02)


def test_a_gap_in_the_formula_is_bridged() -> None:
    of = Purchases(*(np.array([each]) for each in (3.0, 90.0, 120.0, 10.0)))
    below, at, above = (Value(0.6, 20.0, a, 2.5, 6.0, 4.0, 15.0).purchases(of)[0] for a in (0.99, 1.0, 1.01))
    assert below > at > above


def test_too_few_customers_are_no_model() -> None:
    few = Purchases(*np.ones((4, 99)))
    with pytest.raises(TooFewPurchases, match="99 customers"):
        fit(few)
    nobody_came_back = Purchases(np.zeros(500), np.zeros(500), np.ones(500), np.ones(500))
    with pytest.raises(TooFewPurchases, match="0 of them came back"):
        fit(nobody_came_back)
