"""Lift: intervals that cover what they promise, in simulations and against SciPy."""

import numpy as np
import pytest
from scipy import stats

from offers.experiments.intervals import wilson
from offers.experiments.lift import Group, lift


def group(*revenues: float) -> Group:
    return Group(len(revenues), sum(map(bool, revenues)), sum(revenues), sum(each**2 for each in revenues))


SHOWN, WITHHELD = (0.0, 10.0, 40.0, 0.0, 25.0, 5.0), (0.0, 8.0, 0.0, 2.0)


def test_the_revenue_of_many_buyers_is_compared_by_welchs_interval():
    shown, withheld = [1.0 + 5 * (n % 7) for n in range(150)], [1.0 + n % 3 for n in range(110)]
    found, expected = lift(group(*shown), group(*withheld)), stats.ttest_ind(shown, withheld, equal_var=False)
    interval = expected.confidence_interval()
    assert found is not None
    assert found.revenue == pytest.approx(
        (sum(shown) / 150 - sum(withheld) / 110, interval.low, interval.high)
    )


@pytest.mark.parametrize(
    ("shown", "withheld", "equal"),
    [
        ((0.0, 10.0, 40.0, 0.0, 25.0, 5.0), (0.0, 0.0), True),
        ((0.0,) * 6, (90.0, 0.0), False),
    ],
)
def test_the_revenue_of_few_buyers_is_compared_by_the_wider_of_both_intervals(shown, withheld, equal):
    found, intervals = lift(group(*shown), group(*withheld)), {}
    for same in (True, False):
        intervals[same] = stats.ttest_ind(shown, withheld, equal_var=same).confidence_interval()
    assert intervals[equal].low < intervals[not equal].low
    assert found is not None
    assert found.revenue[1:] == pytest.approx(tuple(intervals[equal]))


def test_incremental_is_the_difference_for_each_visitor_times_those_who_could_see_it():
    found = lift(group(*SHOWN), group(*WITHHELD))
    assert found is not None
    assert found.incremental == pytest.approx([6 * each for each in found.revenue])
    assert found.incremental.value == pytest.approx(65.0)


def test_where_nobody_who_was_shown_it_converted_there_is_no_relative_lift():
    found = lift(Group(50), Group(50, 5, 100.0, 3_000.0))
    assert found is not None and found.relative is None
    assert (found.rate.value, found.revenue.value) == (-0.1, -2.0)


def test_the_relative_lift_has_katz_interval():
    found = lift(Group(100, 30), Group(80, 10))
    expected = stats.contingency.relative_risk(30, 100, 10, 80).confidence_interval()
    assert found is not None and found.relative is not None
    assert found.relative == pytest.approx((1.4, expected.low - 1, expected.high - 1))
    assert found.relative == pytest.approx((1.4, 0.249774, 3.608833), abs=1e-3)


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
