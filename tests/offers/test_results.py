"""Results: what tokens count, and a whole campaign's report, checked against figures reckoned by hand."""

import json

import numpy as np
import pytest

from offers.campaign.campaign import Campaign
from offers.campaign.document import parse
from offers.campaign.store import Version
from offers.feedback.responses import GoalRow, OfferRow, Response, verified_responses
from offers.feedback.token import Token, TokenSigner
from offers.feedback.warehouse import WarehouseResponses
from offers.reports.campaign_report import campaign_report
from offers.reports.campaigns_summary import summarise_campaigns
from tests.offers.test_campaign import written
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS, WEEK_MS
from warehouse.delta import Warehouse
from warehouse.tables.schema import AliasRow
from web.reports.campaign_result import holdout_since

NOW = 1_795_000_000_000
SIGNER = TokenSigner("secret")


def campaign(**changes: object) -> Campaign:
    creatives = [{"id": name, "kind": "json", "content": {"t": name}} for name in "ab"]
    return parse(
        written(**{"id": "c", "holdout": 0.1, "goal": {"window": "1d"}, "creatives": creatives, **changes})
    )


def answer(
    kind, nonce, profile="v:a", variant="a", ts=NOW, propensity=0.5, context="customer|phone|mail"
) -> Response:
    held = kind == "withheld"
    token = Token("default", "c", "" if held else variant, "hero", propensity, ts, context, nonce, held)
    return Response(token, OfferRow("c", variant, "", kind, profile, ts))


def test_each_token_counts_once_and_refusals_are_named():
    token = Token("default", "c", "a", "hero", 0.25, NOW, nonce="n1")
    held = SIGNER.sign(Token("default", "c", "", "hero", 1.0, NOW, nonce="h", held=True))
    signed, foreign = SIGNER.sign(token), SIGNER.sign(Token("other", "c", "a", "hero", 0.25, NOW, nonce="n1"))

    def row(token: str, kind="view", ts=NOW + 5):
        return OfferRow("lies", "lies", token, kind, "v:a", ts)

    answers, refused = verified_responses(
        [row(signed, "click", NOW + 9), row(signed), row(signed, ts=NOW + 7), row(signed, ts=NOW + 2 * DAY_MS),
         row("junk"), row(foreign), row(held, "withheld"), row(held), row(signed, "withheld"), row(signed, "decided")],
        SIGNER, "default",
    )  # fmt: skip
    assert [(each.token.nonce, each.row.kind) for each in answers] == [
        ("n1", "view"),
        ("h", "withheld"),
        ("n1", "decided"),
        ("n1", "click"),
    ]
    assert refused == {"replayed": 1, "stale": 1, "forged": 3, "foreign": 1}


def test_all_campaigns_at_a_glance():
    first, second = (
        SIGNER.sign(Token("default", "c", variant, "hero", 0.5, NOW, nonce=variant)) for variant in "ab"
    )
    held = SIGNER.sign(Token("default", "c", "", "hero", 1.0, NOW, nonce="h", held=True))
    rows = [
        (first, "view", "v:a"),
        (first, "click", "v:a"),
        (second, "view", "v:b"),
        (second, "dismissed", "v:b"),
        (second, "dismissed", "v:b"),
        (held, "withheld", "v:c"),
        ("x", "view", ""),
    ]
    found = summarise_campaigns(
        [OfferRow("lies", "lies", token, kind, who, NOW + 5) for token, kind, who in rows], SIGNER, "default"
    )
    assert [tuple(each) for each in found.variants] == [("c", "a", 1, 1, 0, 1), ("c", "b", 1, 0, 1, 1)]
    assert (found.variants[0].ctr, found.withheld, found.refused) == (
        1.0,
        {"c": 1},
        {"forged": 1, "replayed": 1},
    )


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
        GoalRow("Order Completed", "v:a", NOW + HOUR_MS, 50.0),
        GoalRow("Order Completed", "v:b", NOW + DAY_MS + HOUR_MS, 20.0),
        GoalRow("Order Completed", "v:c", NOW + HOUR_MS, 99.0),
        GoalRow("Signed Up", "v:a", NOW + HOUR_MS, 0.0),
    ]
    found = campaign_report(campaign(), answers, goals)
    assert found.total == ("", 3, 1, 1, 2, 70.0, 2, 2)
    assert [row.counts for row in found.variants] == [
        ("a", 1, 1, 0, 1, 50.0, 1, 1),
        ("b", 1, 0, 1, 1, 20.0, 1, 1),
        ("old", 1, 0, 0, 0, 0.0, 1, 0),
    ]
    assert sum(row.best for row in found.variants) == pytest.approx(1)
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
    goals = [GoalRow("Order Completed", who, NOW + 5 * HOUR_MS, 1.0) for who in ("v:a", "v:b")]
    found = campaign_report(campaign(goal={"window": "1d", "view_window": "4h"}), answers, goals)
    assert [row.counts.conversions for row in found.variants] == [1, 0]


def test_the_comparison_is_by_visitor_from_their_first_decision():
    answers = [
        answer("decided", "1", ts=NOW),
        answer("decided", "2", ts=NOW + HOUR_MS),
        answer("withheld", "3", profile="v:b", ts=NOW + HOUR_MS),
        answer("decided", "4", profile="u:x"),
        answer("withheld", "5", profile="u:x", ts=NOW + 5),
    ]
    goals = [
        GoalRow("Order Completed", "v:a", NOW - 1, 1_000.0),  # before
        GoalRow("Order Completed", "v:a", NOW + DAY_MS, 10.0),
        GoalRow("Order Completed", "v:a", NOW + 2, 5.0),
        GoalRow("Order Completed", "v:a", NOW + DAY_MS + 1, 1_000.0),  # after the window
        GoalRow("Order Completed", "u:x", NOW + 9, 1_000.0),  # in both groups, first in that of the shown
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
            goals.append(GoalRow("Order Completed", f"u:{number}", NOW + HOUR_MS, 10.0))
    comparison = campaign_report(campaign(), answers, goals).comparison
    assert comparison is not None and comparison.lift is not None and comparison.crossed > 300
    assert comparison.lift.rate.low < 0 < comparison.lift.rate.high and not comparison.mismatch


def test_the_likely_best_is_not_the_one_that_met_the_better_visitors():
    """The bandit shows each variant to whom it suits: what counts is how they compare with the same visitors."""
    generator, answers = np.random.default_rng(7), []
    for number in range(12_000):
        good = number % 2 == 0
        share = 0.9 if good else 0.1  # of a
        variant = "a" if generator.random() < share else "b"
        context = "regular|phone|mail" if good else "prospect|phone|mail"
        said = {"variant": variant, "context": context, "propensity": share if variant == "a" else 1 - share}
        answers.append(answer("view", str(number), f"v:{number}", **said))
        if generator.random() < (0.3 if good else 0.05) * (1.3 if variant == "b" else 1.0):
            answers.append(answer("click", str(number), f"v:{number}", ts=NOW + 1, **said))
    a, b = campaign_report(campaign(), answers, []).variants
    assert a.counts.ctr.value > b.counts.ctr.value and b.best > 0.9


def test_a_variant_is_judged_by_the_time_in_which_it_was_there():
    generator, answers = np.random.default_rng(8), []
    for number in range(8_000):
        late = number >= 4_000
        variant = "b" if late and generator.random() < 0.5 else "old" if not late and number % 2 else "a"
        said = {"variant": variant, "propensity": 0.5, "ts": NOW + number}
        answers.append(answer("view", str(number), f"v:{number}", **said))
        if generator.random() < 0.12:
            answers.append(answer("click", str(number), f"v:{number}", **said))
    for each in campaign_report(campaign(), answers, []).variants:
        assert (
            each.shown_to_all is not None and each.shown_to_all.ips.low < 0.12 < each.shown_to_all.ips.high
        ), each.counts.name


def test_an_answer_given_before_is_not_counted_again_in_a_later_span():
    token = SIGNER.sign(Token("default", "c", "a", "hero", 0.5, NOW, nonce="n"))
    rows = [OfferRow("c", "a", token, "click", "v:a", NOW + day * DAY_MS) for day in range(5)]
    answers, refused = verified_responses(rows, SIGNER, "default", since=NOW + 3 * DAY_MS)
    assert (answers, refused) == ([], {"replayed": 2})
    assert len(verified_responses(rows, SIGNER, "default")[0]) == 1


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
            goals.append(GoalRow("Order Completed", f"v:{number}", NOW + 10 * DAY_MS + HOUR_MS, 10.0))
    comparison = campaign_report(campaign(holdout=0.5), answers, goals, since=NOW + 5 * DAY_MS).comparison
    assert comparison is not None and comparison.lift is not None and not comparison.mismatch
    assert comparison.lift.rate.low < 0 < comparison.lift.rate.high and comparison.crossed == 0
    versions = [Version(at, campaign(holdout=share)) for at, share in ((40, 0.5), (30, 0.5), (20, 0.1))]
    assert holdout_since(versions, 0.5) == 30
    assert holdout_since(versions[:2], 0.5) == 0 and holdout_since(versions, 0.2) == 0
    assert holdout_since([versions[0], Version(35, None), versions[1]], 0.5) == 40


def test_a_click_s_order_is_the_click_s_whatever_was_seen_since():
    def credited(*answers, at: int) -> list[int]:
        goals = [GoalRow("Order Completed", "v:a", at, 10.0)]
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


def test_without_a_holdout_there_is_no_lift_but_a_global_one_is_enough():
    answers = [answer("decided", "1"), answer("withheld", "2", profile="v:b")]
    assert campaign_report(campaign(holdout=0.0), answers, []).comparison is None
    assert campaign_report(campaign(holdout=0.0), answers, [], holdout=0.05).comparison.expected == 0.05


def test_a_campaign_of_nothing_has_a_report():
    found = campaign_report(campaign(), [], [])
    assert found.total.impressions == 0
    assert [row.shown_to_all for row in found.variants] == [None, None]
    assert found.comparison is not None and found.comparison.lift is None


def test_what_variant_b_would_have_brought_to_all():
    """Shown to few by the bandit, judged without its luck in whom it met."""
    generator = np.random.default_rng(2)
    answers = []
    for number in range(6_000):
        context, share = (("regular|phone|mail", 0.9), ("prospect|phone|mail", 0.2))[number % 2]
        variant = "b" if generator.random() < share else "a"
        rate = {"regular": 0.30, "prospect": 0.10}[context.split("|")[0]] * (0.5 if variant == "b" else 1.0)
        propensity = share if variant == "b" else 1 - share
        answers.append(
            answer("view", str(number), f"v:{number}", variant, context=context, propensity=propensity)
        )
        if generator.random() < rate:
            answers.append(
                answer("click", str(number), f"v:{number}", variant, context=context, propensity=propensity)
            )
    a, b = campaign_report(campaign(), answers, []).variants
    assert b.counts.ctr.value > a.counts.ctr.value  # Simpson's paradox: b met the regulars
    assert a.shown_to_all is not None and b.shown_to_all is not None
    assert a.shown_to_all.snips.low < 0.20 < a.shown_to_all.snips.high
    assert b.shown_to_all.snips.low < 0.10 < b.shown_to_all.snips.high


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
    goals = stored.goal_events("default", ["Order Completed"], NOON, NOON + DAY_MS)
    assert refused == {"replayed": 1}
    assert goals == [GoalRow("Order Completed", "u:7", NOON + HOUR_MS, 25.0)]
    found = campaign_report(campaign(), answers, goals)
    assert found.total == ("", 1, 1, 1, 1, 25.0, 1, 1)
    assert list(stored.offer_events("default", NOON, NOON + DAY_MS, ["other"])) == []
