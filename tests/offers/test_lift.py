"""Lift: what people did beyond the holdout, in rates and revenue, always valid and at the planned end."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from offers.experiments.intervals import wilson
from offers.experiments.lift import Group, lift, verdict_of
from offers.experiments.planned_end import PlannedEnd, planned_end
from tests.support.people import people_with, simulated
from tracker.durations import DAY_MS, HOUR_MS

PLANNED = PlannedEnd(4_000.0)
OVER = PlannedEnd(4_000.0, 1 << 60, True)


def test_incremental_is_the_difference_for_each_person_times_those_who_could_see_it():
    people = simulated(np.random.default_rng(1), 4_000, 0.2, 0.05, 1.5)
    found = lift(people, PLANNED)
    assert found is not None
    assert found.incremental == pytest.approx([found.shown.visitors * each for each in found.revenue])
    assert found.rate.value == pytest.approx(found.shown.rate - found.withheld.rate, abs=1e-3)


def test_nobody_counts_whose_window_is_open_or_whom_nothing_could_hold_out():
    people = simulated(np.random.default_rng(2), 4_000, 0.2, 0.05, 1.5)
    late = np.arange(4_000) >= 3_000
    whole, closed = lift(people, PLANNED), lift(replace(people, open=late), PLANNED)
    sure = lift(replace(people, held_share=np.where(late, 0.0, 0.2), held=people.held & ~late), PLANNED)
    assert whole is not None and closed is not None and sure is not None
    assert closed.shown.visitors + closed.withheld.visitors == 3_000
    assert (closed.shown, closed.withheld, closed.rate) == (sure.shown, sure.withheld, sure.rate)
    assert closed.rate != whole.rate


def test_of_heavy_orders_the_largest_count_as_the_quantile_of_all_buyers():
    people = simulated(np.random.default_rng(3), 20_000, 0.5, 0.05, spread=2.0)
    found = lift(people, PLANNED)
    assert found is not None and found.cap is not None
    bought = people.revenue[people.revenue > 0]
    assert found.cap.amount == pytest.approx(np.quantile(bought, 0.99))
    assert found.cap.people == (bought > found.cap.amount).sum() > 5
    assert found.cap.revenue == pytest.approx(np.maximum(bought - found.cap.amount, 0).sum(), abs=1e-3)
    huge = people.revenue.copy()
    huge[np.argmax(huge)] = 1e9
    again = lift(replace(people, revenue=huge), PLANNED)
    assert again is not None and again.revenue == pytest.approx(found.revenue), "one giant decides nothing"


def test_the_fixed_interval_is_of_the_planned_end_and_of_its_people():
    people = simulated(np.random.default_rng(4), 6_000, 0.2, 0.05, 1.5)
    ended = lift(people, PlannedEnd(4_000.0, 4_000, True))
    first = lift(replace(people, open=np.arange(6_000) >= 4_000), OVER)
    assert ended is not None and ended.planned is not None and first is not None and first.planned is not None
    assert ended.planned == first.planned
    width = ended.planned.rate.high - ended.planned.rate.low
    assert 1.4 < (first.rate.high - first.rate.low) / width < 1.8
    early = lift(people, PlannedEnd(4_000.0, 4_000, False))
    assert early is not None and early.planned is None


def test_the_plans_end_and_people():
    since = np.sort(np.random.default_rng(5).integers(0, 10 * DAY_MS, 5_000))
    found = planned_end(since, 28, 7 * DAY_MS, int(since[0]) + 10 * DAY_MS)
    assert found.at == since[0] + 28 * DAY_MS and not found.over
    assert found.people == pytest.approx(14_000, rel=0.05)
    assert planned_end(since, 28, 7 * DAY_MS, found.at + 7 * DAY_MS + 1).over
    assert planned_end(since[:10], 28, DAY_MS, int(since[0]) + HOUR_MS).people == 280
    assert planned_end(since[:0], 28, DAY_MS, DAY_MS) == PlannedEnd()


RUNS = 200


def test_a_small_holdout_makes_no_gain_of_chance():
    """Of fifty visitors nobody may have bought: that says nothing of how much orders differ."""
    generator = np.random.default_rng(6)
    for people, share, rate, spread in [
        (3_000, 0.1, 0.01, 1.0),
        (3_000, 0.2, 0.01, 1.0),
        (6_000, 0.05, 0.02, 2.0),
    ]:
        gains = covered = 0
        for _ in range(RUNS):
            found = lift(simulated(generator, people, share, rate, spread=spread), OVER)
            assert found is not None and found.planned is not None
            gains += found.planned.revenue.low > 0
            covered += found.planned.revenue.low <= 0 <= found.planned.revenue.high
        assert gains <= 0.04 * RUNS and covered >= 0.93 * RUNS


def test_few_buyers_show_a_large_effect():
    """Welch's interval shows 45 of 100 such campaigns a gain, but so it does 11 of 100 without any effect."""
    generator, seen, welch = np.random.default_rng(7), 0, 0
    for _ in range(RUNS):
        people = simulated(generator, 3_000, 0.2, 0.01, 2.0)
        found = lift(people, OVER)
        assert found is not None and found.planned is not None
        seen += found.planned.revenue.low > 0
        told = stats.ttest_ind(people.revenue[~people.held], people.revenue[people.held], equal_var=False)
        welch += told.pvalue < 0.05 and told.statistic > 0
    assert seen >= 0.17 * RUNS and seen >= 0.4 * welch


@pytest.mark.parametrize("effect", [0.8, 1.25])
def test_a_known_effect_is_covered_at_the_planned_end(effect: float):
    generator = np.random.default_rng(8)
    covered = dict.fromkeys(("rate", "relative", "revenue", "order_value"), 0)
    mean = np.exp(3.5 + 0.18)
    truth = {
        "rate": 0.05 * (effect - 1),
        "relative": effect - 1,
        "revenue": 0.05 * mean * (effect - 1),
        "order_value": 0.0,
    }
    for _ in range(RUNS):
        found = lift(simulated(generator, 8_000, 0.25, 0.05, effect, 0.6), OVER)
        assert found is not None and found.planned is not None
        for name, true in truth.items():
            interval = getattr(found.planned, name)
            covered[name] += interval.low <= true <= interval.high
    for name, count in covered.items():
        assert 0.92 <= count / RUNS <= 0.985, name


def test_small_groups_say_what_they_can():
    held = np.array([True] + [False] * 10)
    assert lift(people_with(np.zeros(5, np.bool_), np.zeros(5)), PLANNED) is None
    found = lift(people_with(held, np.array([0.0, 20.0, 30.0, *[0.0] * 8])), PLANNED)
    assert found is not None and found.relative is None and found.order_value is None
    assert found.rate.low < 0 < found.rate.high and found.verdict == "too early"
    nothing = lift(people_with(held, np.zeros(11)), PLANNED)
    assert nothing is not None and nothing.cap is None and nothing.shown == Group(10)
    assert nothing.rate.low < 0 < nothing.rate.high
    assert wilson(0, 0) == (0.0, 0.0, 1.0)
    assert wilson(0, 10).low == 0.0 and wilson(10, 10).high == pytest.approx(1.0)


def test_the_verdict_is_what_the_interval_says():
    found = lift(simulated(np.random.default_rng(9), 20_000, 0.5, 0.05, 2.0), PLANNED)
    none = lift(simulated(np.random.default_rng(9), 20_000, 0.5, 0.05), PLANNED)
    less = lift(simulated(np.random.default_rng(9), 20_000, 0.5, 0.05, 0.5), PLANNED)
    assert found is not None and none is not None and less is not None
    assert (found.verdict, none.verdict, less.verdict) == ("gain", "none yet", "loss")
    assert verdict_of(found.rate) == "gain"


@pytest.mark.parametrize("spread", [1.0, 2.0])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_of_order_values_that_are_the_same_few_ever_differ(share: float, spread: float):
    """A small holdout of few buyers has not met the large orders yet, and does not know that there are any."""
    generator, claimed, least = np.random.default_rng(11), 0, round(20 / share)
    for _ in range(60):
        people = simulated(generator, 3_000, share, 0.9, spread=spread)
        ends = np.geomspace(1.2 * least, 3_000, 12).astype(int)
        looks = [lift(replace(people, open=np.arange(3_000) >= end), PLANNED) for end in ends]
        values = [look.order_value for look in looks if look is not None and look.order_value is not None]
        assert len(values) > 5
        claimed += any(value.low > 0 or value.high < 0 for value in values)
    assert claimed <= 3


def test_order_values_of_different_shares_are_compared_among_themselves():
    """A small holdout while orders were large, a large one while they were small: the value did not change."""
    generator = np.random.default_rng(12)
    share = np.repeat([0.05, 0.5], 6_000)
    held = generator.random(12_000) < share
    revenue = np.repeat([90.0, 30.0], 6_000) * generator.lognormal(0, 0.3, 12_000)
    revenue *= generator.random(12_000) < 0.2
    found = lift(people_with(held, revenue, held_share=share), PLANNED)
    assert found is not None and found.order_value is not None
    assert revenue[~held & (revenue > 0)].mean() - revenue[held & (revenue > 0)].mean() > 15
    assert found.order_value.low < 0 < found.order_value.high and abs(found.order_value.value) < 5


def test_a_larger_order_value_is_found():
    generator = np.random.default_rng(13)
    people = simulated(generator, 8_000, 0.3, 0.2, spread=0.5)
    dearer = replace(people, revenue=np.where(people.held, 1.0, 1.3) * people.revenue)
    found = lift(dearer, PLANNED)
    assert found is not None and found.order_value is not None
    truth = 0.3 * people.revenue[people.revenue > 0].mean()
    assert 0 < found.order_value.low < truth < found.order_value.high
    assert found.rate.low < 0 < found.rate.high
