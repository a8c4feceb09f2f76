"""Attribution: which impression gets credit for a click or a goal."""

from offers.feedback.attribution import attributed_impressions
from offers.feedback.responses import Response
from offers.feedback.token import Token
from tests.support.impressions import campaign
from tracker.durations import HOUR_MS
from warehouse.feeds.offer_events import GoalEvent, OfferEvent


def answered(nonce: str, kind: str, ts: int, profile: str = "v:a", variant: str = "a") -> Response:
    token = Token("default", "c", variant, "hero", 0.5, 0, "", nonce)
    return Response(token, OfferEvent("c", variant, "", kind, profile, ts))


def test_goals_are_credited_to_the_last_showing_within_the_window():
    answers = [
        answered("1", "view", 1_000),
        answered("2", "view", 2_000, variant="b"),
        answered("2", "click", 2_500, variant="b"),
        answered("3", "view", 2_000, profile="v:z"),
        answered("9", "click", 3_000, profile="v:y"),  # clicked on before a second was over: seen
    ]
    goals = [
        GoalEvent("Order Completed", "v:a", 500, 1.0),
        GoalEvent("Order Completed", "v:a", 5_000, 20.0),
        GoalEvent("Order Completed", "v:a", 6_000, 10.0),
        GoalEvent("Signed Up", "v:z", 5_000, 0.0),
        GoalEvent("Order Completed", "v:z", 2_000 + 3_600_001, 5.0),
        GoalEvent("Order Completed", "v:unknown", 5_000, 5.0),
    ]
    found = {(s.variant, s.profile): s for s in attributed_impressions(answers, goals, {"c": campaign()})}
    assert found["a", "v:a"].converted is None
    assert (found["b", "v:a"].clicked, found["b", "v:a"].converted, found["b", "v:a"].value) == (
        500,
        3_000,
        30.0,
    )
    assert found["a", "v:z"].converted is None
    assert found["a", "v:y"].clicked == 0


def test_showings_come_in_order_of_time_whatever_the_order_of_answers():
    answers = [
        answered("late", "view", 9_000, variant="b"),
        answered("early", "view", 1_000),
        answered("between", "click", 5_000, variant="c"),
    ]
    goals = [GoalEvent("Order Completed", "v:a", ts, 1.0) for ts in (10_000, 4_000, 2_000)]
    for order in (answers, answers[::-1]):
        found = attributed_impressions(
            order, goals, {"c": campaign(goal={"window": "1h", "view_window": "1h"})}
        )
        assert [each.ts for each in found] == [1_000, 5_000, 9_000]
        assert found[0].converted == 1_000


def test_a_click_that_is_stamped_before_its_view_came_at_once():
    (found,) = attributed_impressions(
        [answered("1", "click", 1_500), answered("1", "view", 2_000)], [], {"c": campaign()}
    )
    assert (found.ts, found.clicked) == (2_000, 0)


def test_to_click_after_buying_is_not_to_buy_after_a_click():
    answers = [answered("1", "view", 0), answered("1", "click", 6 * HOUR_MS)]
    goals = [GoalEvent("Order Completed", "v:a", 5 * HOUR_MS, 1.0)]
    for view_window, converted in (("4h", None), ("5h", 5 * HOUR_MS)):
        goal = {"window": "7d", "view_window": view_window}
        (found,) = attributed_impressions(answers, goals, {"c": campaign(goal=goal)})
        assert found.converted == converted


def test_goals_of_a_campaign_that_is_gone_are_nobodys():
    goals = [GoalEvent("Order Completed", "v:a", 5, 1.0)]
    (found,) = attributed_impressions([answered("1", "view", 0)], goals, {})
    assert found.converted is None
