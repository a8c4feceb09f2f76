"""The holdout comparison: whose goals count, and from when on."""

import numpy as np

from offers.campaign.store import Version
from offers.experiments.lift import Group
from offers.reports.campaign_report import campaign_report
from tests.support.campaign_responses import NOW, answer, campaign
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.feeds.offer_events import GoalEvent
from web.reports.campaign_result import holdout_since


def test_only_the_campaigns_own_goal_converts_either_group():
    answers = [answer("decided", "1"), answer("withheld", "2", profile="v:b")]
    goals = [GoalEvent("Signed Up", who, NOW + HOUR_MS, 7.0) for who in ("v:a", "v:b")]
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
    goals = [GoalEvent("Order Completed", who, NOW + HOUR_MS, 5.0) for who in ("v:a", "v:c")]
    found = campaign_report(campaign(), answers, goals).comparison
    assert found is not None and found.lift is not None
    assert (found.lift.shown, found.lift.withheld) == (Group(1), Group(1))


def test_the_comparison_is_by_visitor_from_their_first_decision():
    answers = [
        answer("decided", "1", ts=NOW),
        answer("decided", "2", ts=NOW + HOUR_MS),
        answer("withheld", "3", profile="v:b", ts=NOW + HOUR_MS),
        answer("decided", "4", profile="u:x"),
        answer("withheld", "5", profile="u:x", ts=NOW + 5),
    ]
    goals = [
        GoalEvent("Order Completed", "v:a", NOW - 1, 1_000.0),  # before
        GoalEvent("Order Completed", "v:a", NOW + DAY_MS, 10.0),
        GoalEvent("Order Completed", "v:a", NOW + 2, 5.0),
        GoalEvent("Order Completed", "v:a", NOW + DAY_MS + 1, 1_000.0),  # after the window
        GoalEvent("Order Completed", "u:x", NOW + 9, 1_000.0),  # in both groups, first in that of the shown
    ]
    comparison = campaign_report(campaign(), answers, goals).comparison
    assert comparison is not None and comparison.lift is not None
    assert comparison.lift.shown == (2, 2, 1_015.0, 1_000_225.0)
    assert comparison.lift.withheld == (1, 0, 0.0, 0.0)
    assert comparison.crossed == 1


def test_who_was_in_both_groups_does_not_bend_the_comparison():
    """People with two cookies buy more often, and all of them would be missing from the smaller group."""
    draw, answers, goals = np.random.default_rng(4), [], []
    for number in range(8_000):
        cookies = 1 + (number % 10 < 3)
        held = [draw.random() < 0.1 for _ in range(cookies)]
        for nth, withheld in enumerate(held):
            kind = "withheld" if withheld else "decided"
            answers.append(answer(kind, f"{number}-{nth}", f"u:{number}", ts=NOW + nth))
        if draw.random() < (0.2 if cookies == 2 else 0.05):
            goals.append(GoalEvent("Order Completed", f"u:{number}", NOW + HOUR_MS, 10.0))
    comparison = campaign_report(campaign(), answers, goals).comparison
    assert comparison is not None and comparison.lift is not None and comparison.crossed > 300
    assert comparison.lift.rate.low < 0 < comparison.lift.rate.high and not comparison.mismatch


def test_a_share_that_changed_is_compared_from_then_on():
    """Those who come often were shown it long ago; who comes now is drawn by the new share."""
    draw, answers, goals = np.random.default_rng(5), [], []
    for number in range(6_000):
        heavy = number % 10 < 3
        lot = draw.random()
        for day, share in ((0, 0.1), (10, 0.5)):
            if heavy or draw.random() < 0.3:
                kind = "withheld" if lot < share else "decided"
                answers.append(answer(kind, f"{number}-{day}", f"v:{number}", ts=NOW + day * DAY_MS))
        if draw.random() < (0.3 if heavy else 0.03):
            goals.append(GoalEvent("Order Completed", f"v:{number}", NOW + 10 * DAY_MS + HOUR_MS, 10.0))
    comparison = campaign_report(campaign(holdout=0.5), answers, goals, since=NOW + 5 * DAY_MS).comparison
    assert comparison is not None and comparison.lift is not None and not comparison.mismatch
    assert comparison.lift.rate.low < 0 < comparison.lift.rate.high and comparison.crossed == 0
    versions = [Version(at, campaign(holdout=share)) for at, share in ((40, 0.5), (30, 0.5), (20, 0.1))]
    assert holdout_since(versions, 0.5) == 30
    assert holdout_since(versions[:2], 0.5) == 0 and holdout_since(versions, 0.2) == 0
    assert holdout_since([versions[0], Version(35, None), versions[1]], 0.5) == 40


def test_without_a_holdout_there_is_no_lift_but_a_global_one_is_enough():
    answers = [answer("decided", "1"), answer("withheld", "2", profile="v:b")]
    assert campaign_report(campaign(holdout=0.0), answers, []).comparison is None
    assert campaign_report(campaign(holdout=0.0), answers, [], holdout=0.05).comparison.expected == 0.05
