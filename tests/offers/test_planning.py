"""A plan keeps what it promises: so many people find such an effect four times in five."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.campaign.document import parse
from offers.planning.baseline import HISTORY_DAYS, Baseline, baseline
from offers.planning.outlook import outlook
from tests.support.offers import written
from tracker.durations import DAY_MS


def known(people_a_day: float = 1_200.0, rate: float = 0.03) -> Baseline:
    return Baseline(
        (people_a_day,) * HISTORY_DAYS, rate, 2.0, 12.0, round(people_a_day * HISTORY_DAYS * rate)
    )


def test_the_plan_tells_days_and_effect_that_belong_together() -> None:
    campaign = parse(written(plan={"days": 28, "effect": 0.2}))
    found = outlook(known(), campaign, 0.1)
    assert found is not None and found.planned is not None and found.people is not None
    assert found.planned.days is not None and found.planned.days > 28
    again = parse(written(plan={"days": found.planned.days, "effect": 0.2}))
    later = outlook(known(), again, 0.1)
    assert later is not None and later.planned is not None
    assert later.planned.effect == pytest.approx(0.2, rel=0.01) and later.planned.effect <= 0.2
    assert found.quickest.holdout == 0.5
    assert found.people == pytest.approx(found.planned.days * 1_200, rel=0.01)


def test_revenue_is_planned_by_its_spread() -> None:
    rate = outlook(known(), parse(written(plan={"measure": "rate"})), 0.1)
    revenue = outlook(known(), parse(written(plan={"measure": "revenue"})), 0.1)
    assert rate is not None and revenue is not None and rate.planned and revenue.planned
    spread = np.sqrt(0.97 / 0.03)
    assert revenue.planned.effect / rate.planned.effect == pytest.approx(6.0 / spread)


def test_no_number_without_history_or_holdout() -> None:
    campaign = parse(written())
    nobody = baseline(np.array([], np.int64), np.array([], np.bool_), np.array([]), 0)
    assert not nobody.enough and outlook(nobody, campaign, 0.1) is None
    assert outlook(known(rate=0.0), campaign, 0.1) is None
    assert outlook(known(2.0), campaign, 0.1) is None
    free = outlook(known(), campaign, 0.0)
    assert free is not None and free.planned is None and free.people is None and len(free.shares) == 5


@given(
    st.lists(st.integers(0, 30), min_size=HISTORY_DAYS, max_size=HISTORY_DAYS).filter(
        lambda each: sum(each[-7:]) > 0
    ),
    st.integers(1, 5_000),
)
def test_people_come_as_in_the_history_and_then_as_in_its_last_week(arrivals: list[int], people: int) -> None:
    since = np.repeat(np.arange(HISTORY_DAYS) * DAY_MS + 7, arrivals)
    made = baseline(since, np.zeros(len(since), np.bool_), np.zeros(len(since)), 0)
    assert made.arrivals == tuple(map(float, arrivals)) and made.people_after(5) == sum(arrivals[:5])
    days = made.days_until(people)
    assert days is not None and made.people_after(days) >= people - 1e-6
    assert days == 1 or made.people_after(days - 1) < people
    assert (
        baseline(since, np.zeros(len(since), np.bool_), np.zeros(len(since)), 0, 0.5).people_after(9)
        == sum(arrivals[:9]) / 2
    )
