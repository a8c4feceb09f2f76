"""Models of purchases: published estimates, customers whose truth is known, and what every model promises."""

import csv
import gzip
import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from customers.models.bg_nbd import BgNbd, fit_bg_nbd
from customers.models.distinct import Timings, distinct, for_each
from customers.models.gamma_gamma import GammaGamma, fit_gamma_gamma
from customers.models.likelihood import TooFewPurchases
from customers.models.pareto_nbd import ParetoNbd, fit_pareto_nbd
from customers.models.timing import PurchaseTiming
from customers.purchases.summary import Summary

CDNOW = Path(__file__).parent / "cdnow" / "cdnow.csv.gz"
MODELS: list[PurchaseTiming] = [
    BgNbd(0.6, 20.0, 0.8, 2.5),
    BgNbd(0.6, 20.0, 0.8, 2.5, modified=True),
    ParetoNbd(0.6, 20.0, 0.7, 30.0),
]
SOME = Timings(
    *(
        np.array(column, float)
        for column in ([0, 0, 1, 3, 3, 12], [0, 0, 40, 20, 110, 119], [5, 120, 60, 120, 120, 120])
    )
)


def summary(repeats: np.ndarray, last: np.ndarray, age: np.ndarray) -> Summary:
    return Summary(repeats, last, age, np.zeros(len(age)), np.zeros(len(age)))


def cdnow() -> Summary:
    """The sample of 2,357 customers of Fader & Hardie, in weeks."""
    with gzip.open(CDNOW, "rt") as file:
        rows = np.array([[float(cell) for cell in row.values()] for row in csv.DictReader(file)])
    return summary(rows[:, 0], rows[:, 1], rows[:, 2])


def test_bg_nbd_finds_in_cdnow_what_was_published() -> None:
    """Fader, Hardie & Lee (2005)."""
    found = fit_bg_nbd(distinct(cdnow()))
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=0.0005)


def test_modified_bg_nbd_finds_in_cdnow_what_was_published() -> None:
    """Batislam, Denizel & Filiztekin (2007)."""
    found = fit_bg_nbd(distinct(cdnow()), modified=True)
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx([0.525, 6.183, 0.891, 1.614], abs=0.0005)


def test_pareto_nbd_finds_in_cdnow_what_was_published() -> None:
    """Fader & Hardie (2005), "A note on deriving the Pareto/NBD model"."""
    found = fit_pareto_nbd(distinct(cdnow()))
    assert [found.r, found.alpha, found.s, found.beta] == pytest.approx(
        [0.553, 10.578, 0.606, 11.669], abs=0.0005
    )


def test_gamma_gamma_finds_in_cdnow_what_was_published() -> None:
    """Fader & Hardie (2013): 946 customers of the sample who came back, by the mean of their repeat purchases."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the data set is absent: pip install --no-deps lifetimes==0.11.3")
    folder = Path(next(iter(spec.submodule_search_locations))) / "datasets"
    with (folder / "cdnow_customers_summary_with_transactions.csv").open() as file:
        rows = np.array([[float(cell) for cell in row.values()] for row in csv.DictReader(file)])
    repeats, mean = rows[:, 1], rows[:, 4]
    found = fit_gamma_gamma(repeats[repeats > 0], mean[repeats > 0])
    assert found and [found.p, found.q, found.v] == pytest.approx([6.25, 3.74, 15.45], abs=0.005)


def test_gamma_gamma_finds_the_truth_of_a_simulation() -> None:
    chance, truth = np.random.default_rng(3), GammaGamma(6.0, 4.0, 15.0)
    paid = chance.integers(1, 8, 20_000).astype(float)
    scale = chance.gamma(truth.q, 1 / truth.v, len(paid))
    mean = chance.gamma(truth.p * paid, 1 / scale) / paid
    found = fit_gamma_gamma(paid, mean)
    assert found and [found.p, found.q, found.v] == pytest.approx([6.0, 4.0, 15.0], rel=0.05)
    expected = found.spend(np.array([0.0, 1.0, 1000.0]), np.array([0.0, 99.0, 99.0]))
    everybody = truth.p * truth.v / (truth.q - 1)
    assert expected[0] == pytest.approx(everybody, rel=0.02) and everybody < expected[1] < expected[2]
    assert expected[2] == pytest.approx(99, rel=0.01)


@pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{type(model).__name__} {getattr(model, 'modified', '')}"
)
def test_forecasts_agree_with_a_simulation_of_the_model(model: PurchaseTiming) -> None:
    """Customers drawn from the model, those picked who look like one row of SOME: what they did afterwards."""
    chance = np.random.default_rng(5)
    bought = [simulated(model, chance, 210.0) for _ in range(60_000)]
    now, ahead = 120.0, 60.0
    known = [np.array([time for time in times if time <= now]) for times in bought]
    later = np.array([sum(now < time <= now + ahead for time in times) for times in bought])
    for repeats, low, high in ((0, 0, 0), (2, 60, 120), (2, 10, 60), (5, 100, 120)):
        picked = np.array([len(one) == repeats + 1 and low <= one[-1] <= high for one in known])
        assert picked.sum() > 150
        alike = Timings(
            np.full(picked.sum(), float(repeats)),
            np.array([one[-1] for one, mine in zip(known, picked, strict=True) if mine]),
            np.full(picked.sum(), now),
        )
        spread = later[picked].std() / np.sqrt(picked.sum())
        assert model.purchases(alike, ahead).mean() == pytest.approx(
            later[picked].mean(), abs=4 * spread + 0.01
        )
        assert model.silent(alike, ahead).mean() == pytest.approx(
            np.mean(later[picked] == 0), abs=4 * 0.5 / np.sqrt(picked.sum())
        )


def simulated(model: PurchaseTiming, chance: np.random.Generator, until: float) -> list[float]:
    rate, times, leaves = chance.gamma(model.r, 1 / model.alpha), [0.0], np.inf  # type: ignore[attr-defined]
    leaving = 0.0
    if isinstance(model, ParetoNbd):
        leaves = chance.exponential(1 / chance.gamma(model.s, 1 / model.beta))
    elif isinstance(model, BgNbd):
        leaving = chance.beta(model.a, model.b)
        if model.modified and chance.random() < leaving:
            return times
    while True:
        time_ = times[-1] + chance.exponential(1 / rate) if rate > 1e-9 else np.inf
        if time_ > min(until, leaves):
            return times
        times.append(time_)
        if chance.random() < leaving:
            return times


@pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{type(model).__name__} {getattr(model, 'modified', '')}"
)
def test_what_every_model_promises(model: PurchaseTiming) -> None:
    alive = model.alive(SOME)
    assert ((alive > 0) & (alive <= 1)).all()
    before, silent_before = np.zeros(len(alive)), np.ones(len(alive))
    for days in (1, 30, 365, 3650):
        purchases, silent = model.purchases(SOME, days), model.silent(SOME, days)
        assert (
            (purchases > before).all()
            and (silent < silent_before).all()
            and (silent >= 1 - alive - 1e-9).all()
        )
        assert (silent >= 1 - purchases).all(), "Markov"
        before, silent_before = purchases, silent
    assert alive[4] > alive[3], "who came more lately is more likely there"
    assert model.silent(SOME, 30)[5] < model.silent(SOME, 30)[1]


@pytest.mark.parametrize("one", [0.99, 1.0, 1.01])
def test_gaps_in_the_formulas_are_bridged(one: float) -> None:
    around = [BgNbd(0.6, 20.0, a, 2.5).purchases(SOME, 90) for a in (0.98, one, 1.02)]
    assert (around[0] > around[1]).all() and (around[1] > around[2]).all()
    leaving = [ParetoNbd(0.6, 20.0, s, 30.0).purchases(SOME, 90) for s in (0.98, one, 1.02)]
    assert (leaving[0] > leaving[1]).all() and (leaving[1] > leaving[2]).all()


def test_who_looks_alike_is_counted_once() -> None:
    chance = np.random.default_rng(1)
    of = summary(*(chance.integers(0, 4, 500).astype(float) for _ in range(3)))
    found = distinct(of)
    assert len(found.counts) <= 64 and found.counts.sum() == 500
    for name, column in zip(Timings._fields, found.timings, strict=True):
        assert (column[found.kind] == getattr(of, name)).all()
    assert (for_each(of, lambda kinds: kinds.repeats + 10 * kinds.age) == of.repeats + 10 * of.age).all()


def test_a_fit_of_a_large_shop_is_quick() -> None:
    """As many as CDNOW has; the promise is two seconds, the bound here leaves room for a busy machine."""
    chance = np.random.default_rng(2)
    age = chance.integers(190, 273, 23_570).astype(float)
    repeats = np.minimum(chance.geometric(0.5, len(age)) - 1, age - 1)
    last = np.where(repeats > 0, np.floor(age * chance.random(len(age))), 0)
    began = time.process_time()
    fit_bg_nbd(distinct(summary(repeats, last, age)), modified=True)
    fit_pareto_nbd(distinct(summary(repeats, last, age)))
    assert time.process_time() - began < 8


def test_too_few_customers_are_no_model() -> None:
    few = summary(np.ones(99), np.ones(99), np.ones(99))
    with pytest.raises(TooFewPurchases, match="99 customers"):
        fit_bg_nbd(distinct(few))
    nobody_came_back = summary(np.zeros(500), np.zeros(500), np.ones(500))
    with pytest.raises(TooFewPurchases, match="0 of them came back"):
        fit_pareto_nbd(distinct(nobody_came_back))
