"""Lift: intervals that cover what they promise, in simulations, and off-policy estimates that agree with obp."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from offers.experiments.intervals import wilson
from offers.experiments.lift import Group, lift
from offers.experiments.off_policy import CLIP, estimate
from offers.experiments.sample_ratio import SUSPICIOUS, sample_ratio

DATA = Path(__file__).parent / "open_bandit"
RUNS = 1_000


def simulated(generator: np.random.Generator, visitors: int, rate: float, order: float = 40.0) -> Group:
    orders = generator.lognormal(np.log(order) - 0.18, 0.6, generator.binomial(visitors, rate))
    return Group(visitors, len(orders), float(orders.sum()), float((orders**2).sum()))


@pytest.mark.parametrize(("visitors", "held", "rate"), [(9_000, 1_000, 0.03), (2_000, 2_000, 0.08)])
def test_intervals_of_an_a_a_test_cover_zero(visitors: int, held: int, rate: float):
    generator = np.random.default_rng(11)
    covered = {"rate": 0, "relative": 0, "revenue": 0, "incremental": 0}
    for _ in range(RUNS):
        found = lift(simulated(generator, visitors, rate), simulated(generator, held, rate))
        assert found is not None and found.relative is not None
        for name in covered:
            interval = getattr(found, name)
            covered[name] += interval.low <= 0 <= interval.high
    for name, count in covered.items():
        assert 0.93 <= count / RUNS <= 0.97, name


@pytest.mark.parametrize(("visitors", "held"), [(950, 50), (1_900, 100), (9_500, 500)])
def test_a_small_holdout_makes_no_lift_of_chance(visitors: int, held: int):
    """Of fifty visitors nobody may have bought: that says nothing of how much orders differ."""
    generator = np.random.default_rng(5)
    covered = above = 0
    for _ in range(RUNS):
        found = lift(simulated(generator, visitors, 0.02), simulated(generator, held, 0.02))
        assert found is not None
        covered += found.revenue.low <= 0 <= found.revenue.high
        above += found.revenue.low > 0
    assert covered >= 0.93 * RUNS and above <= 0.04 * RUNS


def test_a_known_effect_is_recovered():
    generator = np.random.default_rng(12)
    covered = {"rate": 0, "relative": 0, "revenue": 0}
    truth = {"rate": 0.01, "relative": 0.25, "revenue": 0.01 * 40}
    for _ in range(RUNS):
        found = lift(simulated(generator, 18_000, 0.05), simulated(generator, 6_000, 0.04))
        assert found is not None
        for name, true in truth.items():
            interval = getattr(found, name)
            covered[name] += interval.low <= true <= interval.high
            assert interval.low < interval.value < interval.high
    for name, count in covered.items():
        assert 0.93 <= count / RUNS <= 0.97, name


def test_small_groups_say_what_they_can():
    assert lift(Group(0), Group(5)) is None
    found = lift(Group(10, 2, 50.0, 1_300.0), Group(1, 0))
    assert found is not None
    assert found.relative is None
    assert found.rate.low < 0 < found.rate.high
    assert lift(Group(1), Group(1)).revenue == (0.0, 0.0, 0.0)
    assert wilson(0, 0) == (0.0, 0.0, 1.0)
    assert wilson(0, 10).low == 0.0 and wilson(10, 10).high == pytest.approx(1.0)


def test_a_sample_ratio_mismatch_is_noticed():
    assert sample_ratio(9_010, 990, 0.1) > 0.5
    assert sample_ratio(9_300, 700, 0.1) < SUSPICIOUS
    assert sample_ratio(19, 1, 0.01) == pytest.approx(1 - 0.99**20)  # exact where few are expected
    assert sample_ratio(0, 0, 0.1) == sample_ratio(5, 5, 0.0) == 1.0
    generator = np.random.default_rng(1)
    alarms = sum(
        sample_ratio(10_000 - held, held, 0.1) < SUSPICIOUS for held in generator.binomial(10_000, 0.1, 5_000)
    )
    assert alarms < 20


def sample(policy: str) -> dict[str, np.ndarray]:
    with gzip.open(DATA / f"obd_{policy}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in ("item", "click", "propensity")}


@pytest.mark.parametrize("policy", ["bts", "random"])
def test_estimates_agree_with_obp_on_the_open_bandit_dataset(policy: str):
    golden = json.loads((DATA / "obd_golden.json").read_text())[policy]
    rows = sample(policy)
    assert len(rows["click"]) == 10_000 and len(golden) == 81
    for target, (ips, snips) in golden.items():
        if target == "tilted":
            targets = (rows["item"] + 1) / np.arange(1, 81).sum()
        else:
            targets = (rows["item"] == int(target)).astype(float)
        found = estimate(rows["click"], rows["propensity"], targets, clip=np.inf)
        assert found.ips.value == pytest.approx(ips, abs=1e-6)
        assert found.snips.value == pytest.approx(snips, abs=1e-6)


def test_what_another_variant_would_have_earned():
    """A skewed policy's log; the truth is within the intervals, and the plain mean is not the truth."""
    generator = np.random.default_rng(4)
    rates, shares = np.array([0.05, 0.10]), np.array([0.9, 0.1])
    hits = {"ips": 0, "snips": 0}
    for _ in range(300):
        shown = generator.choice(2, 20_000, p=shares)
        rewards = (generator.random(20_000) < rates[shown]).astype(float)
        found = estimate(rewards, shares[shown], (shown == 1).astype(float))
        for name in hits:
            each = getattr(found, name)
            hits[name] += each.low <= 0.10 <= each.high
        assert found.snips.effective == pytest.approx((shown == 1).sum())
    assert min(hits.values()) / 300 > 0.92


def test_weights_are_clipped_and_counted():
    found = estimate([1.0, 0.0], [0.001, 0.5], [1.0, 1.0])
    assert found.ips.clipped == 1
    assert found.ips.value == CLIP / 2
    assert 0 <= found.snips.value <= 1
    nothing = estimate([1.0], [0.5], [0.0])
    assert nothing.snips.value == nothing.snips.effective == 0.0
    for bad in ([0.0], [1.5]):
        with pytest.raises(ValueError, match="propensity"):
            estimate([1.0], bad, [1.0])
    with pytest.raises(ValueError, match="no showings"):
        estimate([], [], [])
