"""The report of one campaign, checked against figures worked out by hand."""

import json

from offers.feedback.responses import verified_responses
from offers.feedback.token import Token, TokenSigner
from offers.feedback.warehouse import WarehouseResponses
from offers.reports.campaign_report import campaign_report
from offers.reports.response_counts import ResponseCounts
from tests.support.campaign_responses import NOW, answer, campaign
from tests.support.people import people_of
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS, WEEK_MS
from warehouse.definitions.currencies import CurrencySum
from warehouse.delta import Warehouse
from warehouse.feeds.offer_events import GoalEvent
from warehouse.tables.schema import AliasRow


def test_rates_are_of_people_and_not_of_impressions():
    row = ResponseCounts("x", impressions=40, clicks=30, conversions=3, visitors=4, clicked=2, converted=1)
    assert (row.ctr.value, row.conversion_rate.value) == (0.5, 0.25)
    assert row.ctr.low < 0.16 and row.ctr.high > 0.84  # of four people, however often they came


SIGNER = TokenSigner("secret")


def test_counts_per_variant_day_and_bucket():
    answers = [
        answer("decided", "1"),
        answer("view", "1"),
        answer("click", "1", ts=NOW + 1_000),
        answer("decided", "2", variant="b", profile="v:b", context="prospect|desktop|search"),
        answer("view", "2", variant="b", profile="v:b", ts=NOW + DAY_MS, context="prospect|desktop|search"),
        answer(
            "dismissed",
            "2",
            variant="b",
            profile="v:b",
            ts=NOW + DAY_MS + 1,
            context="prospect|desktop|search",
        ),
        answer("view", "3", variant="old", profile="v:a", ts=NOW + DAY_MS, context=""),
        answer("withheld", "4", profile="v:c"),
    ]
    goals = [
        GoalEvent("Order Completed", "v:a", NOW + HOUR_MS, 50.0),
        GoalEvent("Order Completed", "v:b", NOW + DAY_MS + HOUR_MS, 20.0),
        GoalEvent("Order Completed", "v:c", NOW + HOUR_MS, 99.0),
        GoalEvent("Signed Up", "v:a", NOW + HOUR_MS, 0.0),
    ]
    found = campaign_report(campaign(), answers, goals, people=people_of(campaign(), answers, goals))
    assert found.total == ("", 3, 1, 1, 2, 70.0, 2, 2, (), 1, 2)
    assert [row.counts[:8] for row in found.variants] == [
        ("a", 1, 1, 0, 1, 50.0, 1, 1),
        ("b", 1, 0, 1, 1, 20.0, 1, 1),
        ("old", 1, 0, 0, 0, 0.0, 1, 0),
    ]
    days = [(row.name, row.decisions, row.impressions, row.dismissals) for row in found.days]
    assert days == [("2026-11-18", 2, 1, 0), ("2026-11-19", 0, 2, 1)]
    assert [(row.name, row.decisions) for row in found.devices] == [("", 0), ("desktop", 1), ("phone", 1)]
    assert [(row.name, row.conversions) for row in found.stages] == [
        ("", 0),
        ("customer", 1),
        ("prospect", 1),
    ]
    assert [row.name for row in found.channels] == ["", "mail", "search"]
    assert found.withheld == 1
    assert found.comparison is not None and found.comparison.lift is not None
    assert (found.comparison.lift.shown.visitors, found.comparison.lift.withheld.visitors) == (2, 1)
    assert found.comparison.lift.withheld.revenue == 99.0


def test_who_clicked_before_a_second_was_over_has_seen_it():
    found = campaign_report(
        campaign(), [answer("click", "n"), answer("view", "m"), answer("click", "m", ts=NOW + 5)], []
    )
    assert (found.total.impressions, found.total.clicks) == (2, 2)
    found = campaign_report(campaign(), [answer("dismissed", "n")], [])
    assert (found.total.impressions, found.total.dismissals) == (1, 1)


def test_decisions_that_nobody_logged_are_not_known():
    found = campaign_report(campaign(holdout=0.0), [answer("view", "1")], [])
    assert found.total.decisions is None and found.days[0].decisions is None
    assert [row.counts.decisions for row in found.variants] == [None, None]


def test_a_view_counts_for_a_shorter_time_than_a_click():
    answers = [answer("view", "1"), answer("click", "1"), answer("view", "2", variant="b", profile="v:b")]
    goals = [GoalEvent("Order Completed", who, NOW + 5 * HOUR_MS, 1.0) for who in ("v:a", "v:b")]
    found = campaign_report(campaign(goal={"window": "1d", "view_window": "4h"}), answers, goals)
    assert [row.counts.conversions for row in found.variants] == [1, 0]


def test_a_click_s_order_is_the_click_s_whatever_was_seen_since():
    def credited(*answers, at: int) -> list[int]:
        goals = [GoalEvent("Order Completed", "v:a", at, 10.0)]
        goal = {"window": "7d", "view_window": "1d"}
        return [
            row.counts.conversions for row in campaign_report(campaign(goal=goal), answers, goals).variants
        ]

    clicked = (answer("view", "1"), answer("click", "1", ts=NOW + 8 * HOUR_MS))
    seen = answer("view", "2", variant="b", ts=NOW + DAY_MS)
    assert credited(*clicked, seen, at=NOW + 3 * DAY_MS) == [1, 0]  # a view's day is over
    assert credited(*clicked, seen, at=NOW + DAY_MS + HOUR_MS) == [1, 0]  # a click goes before a view
    assert credited(*clicked, at=NOW + WEEK_MS + 7 * HOUR_MS) == [1, 0]  # seven days from the click on
    assert credited(*clicked, at=NOW + WEEK_MS + 9 * HOUR_MS) == [0, 0]
    assert credited(answer("view", "1"), seen, at=NOW + DAY_MS + HOUR_MS) == [0, 1]  # of views the last
    later = answer("click", "2", variant="b", ts=NOW + 2 * DAY_MS)
    assert credited(*clicked, seen, later, at=NOW + 3 * DAY_MS) == [0, 1]  # of clicks the last
    assert credited(*clicked, seen, later, at=NOW + DAY_MS + HOUR_MS) == [1, 0]  # before that click


def test_a_campaign_of_nothing_has_a_report():
    found = campaign_report(campaign(), [], [], people=people_of(campaign(), []))
    assert found.total.impressions == 0
    assert [row.shown_to_all for row in found.variants] == [None, None]
    assert found.comparison is not None and found.comparison.lift is None


def test_the_report_of_what_stands_in_a_real_warehouse(tmp_path):
    """Events as ingest writes them, a customer who signed in between, and one order sent twice."""
    warehouse = Warehouse(str(tmp_path))
    token = SIGNER.sign(Token("default", "c", "a", "hero", 0.5, NOON, "new|phone|mail", "n1"))
    props = json.dumps({"campaign": "c", "variant": "a", "slot": "hero", "token": token})
    order = {"type": "track", "name": "Order Completed", "order": "o1", "revenue": 40.0}
    warehouse.append(
        [
            row(NOON, type="track", name="Offer Decided", props=props),
            row(NOON + 10, type="track", name="Offer Viewed", props=props),
            row(NOON + 20, type="track", name="Offer Viewed", props=props),
            row(NOON + 30, type="track", name="Offer Clicked", props=props),
            row(NOON + 35, type="track", name="Offer Dismissed", props=props),
            row(NOON + 40, type="track", name="Offer Viewed", props="{}", bot=True),
            row(NOON + HOUR_MS, **order),
            row(NOON + HOUR_MS + 1, **order),
            row(NOON + HOUR_MS, site="other", **order),
            row(NOON + HOUR_MS + 2, **{**order, "order": "o2", "revenue": 9.0}),
            row(NOON + HOUR_MS + 3, type="track", id="x", name="Order Cancelled", order="o2", sender="site"),
            row(NOON + HOUR_MS + 4, **{**order, "order": "o3", "revenue": 120.0, "currency": "USD"}),
            row(NOON + 2 * HOUR_MS, type="track", id="r1", name="Order Refunded", order="o1", revenue=-15.0),
            row(
                NOON + 2 * HOUR_MS,
                type="track",
                id="r2",
                name="Order Refunded",
                order="of another",
                revenue=-9.0,
            ),
        ],
        [AliasRow("default", "profile", "p1", "u:7", NOON)],
        {},
    )
    stored = WarehouseResponses(warehouse)
    answers, refused = verified_responses(
        stored.offer_events("default", NOON, NOON + DAY_MS, ["c"]), SIGNER, "default"
    )
    goals = stored.goal_events("default", ["Order Completed"], NOON, NOON + DAY_MS, "EUR")
    assert refused == {"replayed": 1}
    assert goals == [
        GoalEvent("Order Completed", "u:7", NOON + HOUR_MS, 25.0),
        GoalEvent("Order Completed", "u:7", NOON + HOUR_MS + 4, 0.0, "USD", 120.0),
    ]
    found = campaign_report(campaign(), answers, goals, people=people_of(campaign(), answers, goals))
    assert found.total == ("", 1, 1, 1, 1, 25.0, 1, 1, (CurrencySum("USD", 1, 120.0),), 1, 1)
    assert list(stored.offer_events("default", NOON, NOON + DAY_MS, ["other"])) == []
