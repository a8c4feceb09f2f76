"""What else holds of learning: whose delays are known, which answers count for what, and in which order."""

from offers.bandit.delayed_rewards import count_rewards, reward_delays
from offers.bandit.thompson_sampling import Arm
from offers.feedback.attribution import Impression, attributed_impressions
from offers.feedback.responses import GoalRow
from tests.offers.test_bandit import answered, campaign
from tracker.durations import HOUR_MS

NOW = 100 * HOUR_MS
CONVERTED = [
    Impression("c", "a", "hero", "", 1.0, "v:a", NOW - 9 * HOUR_MS, converted=delay)
    for delay in range(0, HOUR_MS, HOUR_MS // 100)
]
"""A hundred showings whose orders came evenly within the hour."""


def test_to_have_hidden_a_banner_is_no_failure_to_buy():
    waiting = Impression("c", "b", "hero", "", 1.0, "v:b", NOW - HOUR_MS // 2)
    for showing in (waiting, waiting._replace(dismissed=True)):
        counts = count_rewards([*CONVERTED, showing], {"c": campaign(reward="conversion")}, NOW)
        assert counts["c"]["hero"].contexts[""]["b"] == Arm(0.51)


def test_showings_come_in_order_of_time_whatever_the_order_of_answers():
    answers = [
        answered("late", "view", 9_000, variant="b"),
        answered("early", "view", 1_000),
        answered("between", "click", 5_000, variant="c"),
    ]
    goals = [GoalRow("Order Completed", "v:a", ts, 1.0) for ts in (10_000, 4_000, 2_000)]
    for order in (answers, answers[::-1]):
        found = attributed_impressions(
            order, goals, {"c": campaign(goal={"window": "1h", "view_window": "1h"})}
        )
        assert [each.ts for each in found] == [1_000, 5_000, 9_000]
        assert found[0].converted == 1_000


def test_delays_are_those_of_showings_that_had_all_their_time():
    hasty = [CONVERTED[0]._replace(ts=NOW - 1, converted=1)] * 1_000
    assert reward_delays([*CONVERTED, *hasty], "conversion", HOUR_MS, NOW).share(HOUR_MS // 2) == 0.51
    few = CONVERTED[70:]
    assert len(reward_delays([*CONVERTED[71:], *hasty], "conversion", HOUR_MS, NOW).delays) == 1_029
    assert reward_delays([*few, *hasty], "conversion", HOUR_MS, NOW).delays == [
        each.converted for each in few
    ]


def test_a_showing_is_old_when_its_window_is_over():
    just = [each._replace(ts=NOW - HOUR_MS) for each in CONVERTED]
    young = [each._replace(ts=NOW - HOUR_MS + 1, converted=5) for each in CONVERTED]
    assert len(reward_delays([*just, *young], "conversion", HOUR_MS, NOW).delays) == 100


def test_delays_beyond_the_window_are_not_waited_for():
    slow = [CONVERTED[0]._replace(converted=HOUR_MS + 1)] * 500
    just = CONVERTED[0]._replace(converted=HOUR_MS)
    known = reward_delays([*CONVERTED, *slow, just], "conversion", HOUR_MS, NOW)
    assert len(known.delays) == 101 and max(known.delays) == HOUR_MS


def test_showings_of_a_campaign_that_is_gone_teach_nothing():
    gone = CONVERTED[0]._replace(campaign="gone")
    assert list(count_rewards([gone, *CONVERTED], {"c": campaign()}, NOW)) == ["c"]


def test_a_click_that_is_stamped_before_its_view_came_at_once():
    (found,) = attributed_impressions(
        [answered("1", "click", 1_500), answered("1", "view", 2_000)], [], {"c": campaign()}
    )
    assert (found.ts, found.clicked) == (2_000, 0)


def test_to_click_after_buying_is_not_to_buy_after_a_click():
    answers = [answered("1", "view", 0), answered("1", "click", 6 * HOUR_MS)]
    goals = [GoalRow("Order Completed", "v:a", 5 * HOUR_MS, 1.0)]
    for view_window, converted in (("4h", None), ("5h", 5 * HOUR_MS)):
        goal = {"window": "7d", "view_window": view_window}
        (found,) = attributed_impressions(answers, goals, {"c": campaign(goal=goal)})
        assert found.converted == converted


def test_goals_of_a_campaign_that_is_gone_are_nobodys():
    goals = [GoalRow("Order Completed", "v:a", 5, 1.0)]
    (found,) = attributed_impressions([answered("1", "view", 0)], goals, {})
    assert found.converted is None
