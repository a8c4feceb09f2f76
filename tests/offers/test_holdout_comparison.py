"""The holdout comparison: whose goals count, and from when on."""

import msgspec
import numpy as np

from offers.experiments.holdout_comparison import HoldoutComparison, compare_holdout
from offers.experiments.lift import Group
from offers.experiments.planned_end import PlannedEnd
from offers.reports.campaign_report import campaign_report
from tests.support.campaign_responses import NOW, answer, campaign
from tests.support.people import people_of
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.feeds.offer_events import GoalEvent


def compared(answers, goals=(), now: int = 1 << 60) -> HoldoutComparison:
    return compare_holdout(people_of(campaign(), answers, goals, now), 0.1, PlannedEnd(1_000.0))


def test_only_the_campaigns_own_goal_converts_either_group():
    answers = [answer("decided", "1"), answer("withheld", "2", profile="v:b")]
    goals = [GoalEvent("Signed Up", who, NOW + HOUR_MS, 7.0) for who in ("v:a", "v:b")]
    found = compared(answers, goals)
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
    found = compared(answers, goals)
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
    comparison = compared(answers, goals)
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
    comparison = compared(answers, goals)
    assert comparison is not None and comparison.lift is not None and comparison.crossed > 300
    assert comparison.lift.rate.low < 0 < comparison.lift.rate.high and not comparison.mismatch


def test_shares_that_changed_mix_no_groups():
    """Those who come often were enrolled by the old share; who comes first now is drawn by the new one."""
    draw, answers, goals = np.random.default_rng(5), [], []
    for number in range(6_000):
        heavy = number % 10 < 3
        lot = draw.random()
        for day, share in ((0, 0.1), (10, 0.5)):
            if heavy or draw.random() < 0.3:
                kind = "withheld" if lot < share else "decided"
                ts = NOW + day * DAY_MS
                answers.append(answer(kind, f"{number}-{day}", f"v:{number}", ts=ts, share=share))
                if draw.random() < (0.3 if heavy else 0.03):
                    goals.append(GoalEvent("Order Completed", f"v:{number}", ts + HOUR_MS, 10.0))
    comparison = compared(answers, goals)
    assert comparison.lift is not None and not comparison.mismatch and comparison.chance > 0.01
    assert comparison.lift.rate.low < 0 < comparison.lift.rate.high
    assert 0.1 < comparison.expected < 0.5 and comparison.unknown == 0
    mixed = [each._replace(token=msgspec.structs.replace(each.token, holdout=0.5)) for each in answers]
    assert compared(mixed, goals).mismatch  # as if the share had always been what it is now


def test_one_stratum_out_of_order_is_a_mismatch_whatever_the_others():
    answers = [answer("decided", f"a{n}", f"v:a{n}", share=0.1) for n in range(900)]
    answers += [answer("withheld", f"b{n}", f"v:b{n}", share=0.1) for n in range(100)]
    assert not compared(answers).mismatch
    answers += [answer("decided", f"c{n}", f"v:c{n}", share=0.5) for n in range(40)]
    assert compared(answers).mismatch and compared(answers).chance < 1e-9


def test_whoever_nothing_could_hold_out_is_not_compared():
    answers = [answer("view", f"a{n}", f"v:a{n}", share=0.0) for n in range(50)]
    answers += [answer("withheld", "h", "v:h"), answer("decided", "s", "v:s")]
    found = compare_holdout(people_of(campaign(), answers[:50]), 0.0, PlannedEnd())
    assert (found.lift, found.chance) == (None, None)
    assert compared(answers).lift.shown.visitors == 1


def test_only_people_whose_window_is_over_count_and_the_rest_are_open():
    answers = [
        answer("decided", "1"),
        answer("withheld", "2", profile="v:b"),
        answer("decided", "3", profile="v:c", ts=NOW + HOUR_MS),
        answer("withheld", "4", profile="v:d", ts=NOW + 2 * HOUR_MS),
    ]
    found = compared(answers, now=NOW + DAY_MS + HOUR_MS)
    assert (found.lift.shown.visitors, found.lift.withheld.visitors, found.open) == (1, 1, 2)
    assert compared(answers, now=NOW).lift is None and compared(answers, now=NOW).open == 4
    assert compared(answers, now=NOW + 2 * DAY_MS).open == 0


def test_people_whose_tokens_do_not_say_are_compared_by_themselves_and_no_size_is_expected():
    answers = [answer("decided", f"a{n}", f"v:a{n}", share=None) for n in range(60)]
    answers += [answer("withheld", f"b{n}", f"v:b{n}", share=None) for n in range(60)]
    found = compared(answers)
    assert (found.chance, found.mismatch, found.unknown) == (None, False, 120)
    assert found.lift.shown.visitors == found.lift.withheld.visitors == 60


def test_without_a_holdout_there_is_no_lift_but_a_global_one_is_enough():
    nobody, tested = people_of(campaign(), []), campaign(holdout=0.0)
    assert campaign_report(tested, [], [], people=nobody).comparison is None
    assert campaign_report(tested, [], [], holdout=0.05, people=nobody).comparison.expected == 0.05
    answers = [answer("decided", "1"), answer("withheld", "2", profile="v:b")]
    left = campaign_report(tested, answers, [], people=people_of(tested, answers)).comparison
    assert left is not None and left.expected == 0.1  # the holdout is over, and its people are still compared
