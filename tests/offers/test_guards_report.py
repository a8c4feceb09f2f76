"""What else holds of the report and of lift: whose goals count, from when on, and the intervals' fixed values."""

import pytest
from scipy import stats

from offers.experiments.lift import Group, lift
from offers.feedback.responses import GoalRow
from offers.reports.campaign_report import campaign_report
from offers.reports.response_counts import ResponseCounts
from tests.offers.test_results import NOW, answer, campaign
from tracker.durations import HOUR_MS


def test_only_the_campaigns_own_goal_converts_either_group():
    answers = [answer("decided", "1"), answer("withheld", "2", profile="v:b")]
    goals = [GoalRow("Signed Up", who, NOW + HOUR_MS, 7.0) for who in ("v:a", "v:b")]
    found = campaign_report(campaign(), answers, goals).comparison
    assert found is not None and found.lift is not None
    assert (found.lift.shown, found.lift.withheld) == (Group(1), Group(1))


def test_a_comparison_begins_with_a_decision_and_nothing_else():
    """Somebody may look at yesterday's page: what was bought before today's decision is not its doing."""
    answers = [
        answer("view", "0", ts=NOW),
        answer("click", "0", ts=NOW),
        answer("decided", "1", ts=NOW + 2 * HOUR_MS),
        answer("withheld", "2", profile="v:b"),
        answer("view", "3", profile="v:c"),
        answer("dismissed", "3", profile="v:c"),
    ]
    goals = [GoalRow("Order Completed", who, NOW + HOUR_MS, 5.0) for who in ("v:a", "v:c")]
    found = campaign_report(campaign(), answers, goals).comparison
    assert found is not None and found.lift is not None
    assert (found.lift.shown, found.lift.withheld) == (Group(1), Group(1))


def test_had_all_seen_it_is_in_money_where_money_is_the_aim():
    answers = [
        answer("view", "1"),
        answer("view", "2", profile="v:b"),
        answer("view", "3", variant="b", profile="v:c"),
    ]
    goals = [
        GoalRow("Order Completed", "v:a", NOW + HOUR_MS, 50.0),
        GoalRow("Order Completed", "v:c", NOW + HOUR_MS, 20.0),
    ]
    for reward, (a, b) in (("revenue", (25.0, 20.0)), ("conversion", (0.5, 1.0)), ("click", (0.0, 0.0))):
        rows = campaign_report(campaign(reward=reward), answers, goals).variants
        assert [row.shown_to_all.snips.value for row in rows] == pytest.approx([a, b])
    rows = campaign_report(campaign(reward="revenue"), answers, goals).variants
    assert [row.shown_to_all.ips.value for row in rows] == pytest.approx([100 / 3, 40 / 3])


def test_no_rate_is_over_one_whatever_the_counts():
    row = ResponseCounts("x", impressions=1, clicks=2, conversions=3)
    assert row.ctr[::2] == row.conversion_rate[::2] == pytest.approx((1.0, 1.0))


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
