"""Confidence sequences: of campaigns without an effect few ever claim one, however often one looks."""

import math

import numpy as np
import pytest

from bench.experiments import Shop, Sums, claims, coverage, refused
from offers.experiments.draw import Draw, design_of, quantile_of_some
from offers.experiments.sequence import Precision, difference, ratio


def draw(held: np.ndarray, share: float, before: np.ndarray | None = None) -> Draw:
    shares = np.full(len(held), share)
    return Draw(held, shares, design_of(shares, np.zeros((len(held), 4)) if before is None else before))


SHOPS = [
    Shop(daily, share, rate, orders)
    for daily, share, rate in [
        (300, 0.05, 0.01),
        (300, 0.1, 0.01),
        (300, 0.2, 0.05),
        (3_000, 0.1, 0.01),
        (50, 0.5, 0.3),
    ]
    for orders in (None, 1.0, 2.0, 0.0)
]


@pytest.mark.parametrize("shop", SHOPS, ids=str)
def test_of_campaigns_without_effect_few_ever_claim_one(shop: Shop):
    assert claims(shop, 500, seed=3).ever <= 0.05


@pytest.mark.soak
@pytest.mark.parametrize("shop", SHOPS, ids=str)
def test_of_ten_thousand_campaigns_without_effect_few_ever_claim_one(shop: Shop):
    assert claims(shop, 10_000 if shop.daily < 1_000 else 2_000, seed=4).ever <= 0.05


def test_who_looks_every_day_is_fooled_by_the_fixed_interval():
    assert claims(Shop(300, 0.2, 0.05), 500, seed=3, fixed=True).ever > 0.2


@pytest.mark.parametrize("orders", [None, 1.0])
@pytest.mark.parametrize("effect", [0.7, 1.0, 1.3])
def test_the_truth_is_inside_at_every_look(effect: float, orders: float | None):
    assert coverage(Shop(300, 0.1, 0.05, orders, effect), 500, seed=4) >= 0.95


def test_an_effect_is_found():
    assert claims(Shop(3_000, 0.2, 0.01, None, 1.3), 200, seed=5).at_end > 0.4
    assert claims(Shop(3_000, 0.5, 0.05, 1.0, 1.2), 200, seed=5).at_end > 0.8


@pytest.mark.parametrize("orders", [None, 1.0])
@pytest.mark.parametrize("effect", [0.6, 1.0, 2.0])
def test_the_intervals_of_a_days_sums_are_those_of_its_people(effect: float, orders: float | None):
    """So what is simulated with sums holds for what the engine does."""
    shop, generator = Shop(200, 0.2, 0.05, orders, effect), np.random.default_rng(9)
    for _ in range(20):
        held = generator.random(2_000) < shop.share
        outcome = np.zeros(2_000)
        bought = generator.random(2_000) < shop.rate * np.where(held, 1.0, effect)
        outcome[bought] = shop.values(generator, int(bought.sum()))
        groups = [
            tuple(
                np.array([[total]], float)
                for total in (
                    mask.sum(),
                    (outcome[mask] > 0).sum(),
                    outcome[mask].sum(),
                    (outcome[mask] ** 2).sum(),
                )
            )
            for mask in (~held, held)
        ]
        found = difference(outcome, draw(held, shop.share), Precision(5_600), 1.0 if orders is None else 0.0)
        assert found is not None
        inside, outside = (found.low + found.high) / 2, 2 * (found.high - found.low)
        for bound in (found.low, found.high):
            near, far = (bound + 1e-3 * (way * (inside - bound)) for way in (1, -1))
            assert not refused(Sums(*groups), shop, near, 5_600).any()
            assert refused(Sums(*groups), shop, far, 5_600).all()
        assert refused(Sums(*groups), shop, found.low - outside, 5_600).all()


def test_the_sequence_is_half_as_wide_again_as_the_fixed_interval_at_the_planned_end():
    assert Precision(10_000).deviations(10_000) / Precision(0).deviations(10_000) == pytest.approx(
        1.548, abs=1e-3
    )
    assert Precision(10_000).deviations(500) > Precision(10_000).deviations(100_000) > 3
    assert Precision(0, claims=5).deviations(1) == pytest.approx(2.5758, abs=1e-4)
    assert Precision(10_000, claims=5).deviations(10_000) > Precision(10_000).deviations(10_000)


def test_people_of_different_shares_are_compared_among_themselves():
    """The good days had a small holdout: all in one, it would seem that the campaign sells."""
    generator = np.random.default_rng(8)
    share = np.repeat([0.05, 0.5], 20_000)
    held = generator.random(40_000) < share
    outcome = (generator.random(40_000) < np.repeat([0.10, 0.02], 20_000)).astype(float)
    mixed = outcome[~held].mean() - outcome[held].mean()
    found = difference(outcome, Draw(held, share, design_of(share, np.zeros((40_000, 4)))), Precision(40_000))
    assert found is not None and mixed > 0.02
    assert abs(found.value) < 0.005 and found.low < 0 < found.high
    alike = difference(outcome, Draw(held, share, np.ones((40_000, 1))), Precision(40_000))
    assert alike is not None and found.high - found.low < 0.99 * (alike.high - alike.low)


def test_what_is_known_from_before_narrows_and_moves_nothing():
    generator = np.random.default_rng(5)
    habit = generator.gamma(0.4, 1.0, 30_000)
    visits, orders = generator.poisson(12 * habit), generator.poisson(3 * habit)
    before = np.stack([visits, visits * 4.0, orders, orders * 30.0], axis=1).astype(float)
    held = generator.random(30_000) < 0.2
    bought = generator.random(30_000) < np.minimum(0.9, 0.25 * habit) * np.where(held, 1.0, 1.2)
    outcome = bought.astype(float)
    plain, known = (difference(outcome, draw(held, 0.2, each), Precision(30_000)) for each in (None, before))
    assert plain is not None and known is not None
    saved = 1 - ((known.high - known.low) / (plain.high - plain.low)) ** 2
    assert saved >= 0.25
    assert known.low < outcome[~held].mean() * (1 - 1 / 1.2) < known.high


def test_noise_from_before_costs_no_width():
    generator = np.random.default_rng(6)
    held = generator.random(5_000) < 0.2
    outcome = (generator.random(5_000) < 0.05).astype(float)
    noise = generator.poisson(2.0, (5_000, 4)).astype(float)
    plain, known = (difference(outcome, draw(held, 0.2, each), Precision(5_000)) for each in (None, noise))
    assert plain is not None and known is not None
    assert known.high - known.low <= 1.001 * (plain.high - plain.low)


def test_a_ratio_and_a_difference_agree_on_the_sign():
    generator = np.random.default_rng(7)
    for effect in (0.5, 1.0, 2.0):
        held = generator.random(20_000) < 0.3
        outcome = (generator.random(20_000) < 0.05 * np.where(held, 1.0, effect)).astype(float)
        found, relative = (
            difference(outcome, draw(held, 0.3), Precision(20_000)),
            ratio(outcome, draw(held, 0.3), Precision(20_000)),
        )
        assert found is not None and relative is not None
        assert relative.value == pytest.approx(outcome[~held].mean() / outcome[held].mean() - 1, rel=0.02)
        assert (found.low > 0) == (relative.low > 0) and (found.high < 0) == (relative.high < 0)
        assert relative.low < effect - 1 < relative.high


def test_what_nobody_can_know_is_not_told():
    nobody = np.zeros(40)
    assert difference(nobody, draw(np.zeros(40, bool), 0.1), Precision(100)) is None
    held = np.arange(40) % 2 == 0
    assert ratio(nobody, draw(held, 0.5), Precision(100)) is None
    found = difference(nobody, draw(held, 0.5), Precision(100), 1.0)
    assert found is not None and found.low < -0.1 and found.high > 0.1, "none of twenty is not surely none"
    one = nobody.copy()
    one[0] = 1.0
    assert ratio(one, draw(held, 0.5), Precision(100)) is None
    assert quantile_of_some(nobody) == math.inf
