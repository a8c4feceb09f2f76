"""Variants compared as if all visitors had been shown each of them."""

import numpy as np
import pytest

from offers.reports.campaign_report import campaign_report
from tests.support.campaign_responses import NOW, answer, campaign
from tracker.durations import HOUR_MS
from warehouse.feeds.offer_events import GoalEvent


def test_had_all_seen_it_is_in_money_where_money_is_the_aim():
    answers = [
        answer("view", "1"),
        answer("view", "2", profile="v:b"),
        answer("view", "3", variant="b", profile="v:c"),
    ]
    goals = [
        GoalEvent("Order Completed", "v:a", NOW + HOUR_MS, 50.0),
        GoalEvent("Order Completed", "v:c", NOW + HOUR_MS, 20.0),
    ]
    for reward, (a, b) in (("revenue", (25.0, 20.0)), ("conversion", (0.5, 1.0)), ("click", (0.0, 0.0))):
        rows = campaign_report(campaign(reward=reward), answers, goals).variants
        assert [row.shown_to_all.snips.value for row in rows] == pytest.approx([a, b])
    rows = campaign_report(campaign(reward="revenue"), answers, goals).variants
    assert [row.shown_to_all.ips.value for row in rows] == pytest.approx([100 / 3, 40 / 3])


def test_what_all_would_have_done_is_not_what_the_better_visitors_did():
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
    assert a.counts.ctr.value > b.counts.ctr.value
    assert a.shown_to_all is not None and b.shown_to_all is not None
    assert a.shown_to_all.snips.high < b.shown_to_all.snips.low


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
