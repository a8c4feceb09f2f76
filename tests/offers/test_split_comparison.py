"""Fixed splits and A/A tests by people: each once, in the variant met first; sizes that no draw gives are told."""

import random

import numpy as np
import pytest

from offers.experiments.sample_ratio import SUSPICIOUS, split_ratio
from offers.experiments.split_comparison import compare_split
from offers.reports.campaign_report import campaign_report
from tests.support.campaign_responses import NOW, answer, campaign
from tests.support.people import people_of
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.feeds.offer_events import GoalEvent

WEIGHTED = [
    {"id": name, "kind": "json", "content": {"t": name}, "weight": weight}
    for name, weight in (("a", 3.0), ("b", 1.0))
]


def test_a_person_counts_once_in_the_variant_met_first():
    answers = [
        answer("view", "1", "v:x", "a"),
        answer("click", "1", "v:x", "a", NOW + 10),
        answer("view", "2", "v:x", "a", NOW + HOUR_MS),
        answer("click", "2", "v:x", "a", NOW + HOUR_MS),
        answer("view", "3", "v:y", "b"),
        answer("view", "4", "v:y", "a", NOW + 5),
        answer("view", "5", "v:z", "a", NOW - 1),
        answer("withheld", "6", "v:held"),
    ]
    goals = [
        GoalEvent("Order Completed", "v:x", NOW + HOUR_MS, 50.0),
        GoalEvent("Order Completed", "v:x", NOW + 2 * HOUR_MS, 0.1),
        GoalEvent("Order Completed", "v:y", NOW + HOUR_MS, 20.0),
        GoalEvent("Order Completed", "v:z", NOW - 2, 9.0),
        GoalEvent("Order Completed", "v:z", NOW + 2 * DAY_MS, 9.0),
        GoalEvent("Order Completed", "v:held", NOW + 1, 9.0),
    ]
    tested = campaign(allocation="fixed", creatives=WEIGHTED, reward="conversion")
    people = people_of(tested, [each for each in answers if each.row.kind != "withheld"], goals)
    split = compare_split(tested, people)
    told = {each.variant: each[1:5] for each in split.variants}
    assert told == {"a": (2, 1, 1, 50.1), "b": (1, 0, 1, 20.0)}
    assert [each.expected for each in split.variants] == [0.5, 0.5] and split.crossed == 1  # of their tokens
    report = campaign_report(tested, answers, goals, people=people)
    assert report.split is not None and report.split.variants == split.variants
    assert campaign_report(campaign(), answers, goals, people=people).split is None  # the bandit's


def met(share_of: dict[str, float], ts: int = NOW, **counts: int):
    found = [
        answer("view", f"{name}{n}-{ts}", f"v:{name}{n}-{ts}", name, ts, share_of.get(name, 0.5))
        for name, count in counts.items()
        for n in range(count)
    ]
    random.Random(1).shuffle(found)
    return found


HALVES, QUARTERS = {"a": 0.5, "b": 0.5}, {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize(
    ("counts", "shares", "mismatch"),
    [
        ({"a": 600, "b": 400}, HALVES, True),
        ({"a": 510, "b": 490}, HALVES, False),
        ({"a": 740, "b": 260}, QUARTERS, False),
        ({"a": 510, "b": 490}, QUARTERS, True),
        ({"a": 40}, HALVES, True),
    ],
)
def test_sizes_that_the_shares_do_not_give_are_a_mismatch(counts, shares, mismatch):
    tested = campaign(allocation="fixed", creatives=WEIGHTED)
    split = compare_split(tested, people_of(tested, met(shares, **counts)))
    assert split.mismatch is mismatch


def test_changed_weights_are_tested_by_the_shares_of_each_person():
    tested = campaign(allocation="fixed", creatives=WEIGHTED)
    before, after = met(HALVES, a=500, b=500), met(QUARTERS, NOW + 9, a=750, b=250)
    fair = compare_split(tested, people_of(tested, before + after))
    assert fair.chance is not None and fair.chance > 0.5
    assert [each.expected for each in fair.variants] == [0.625, 0.375]
    unfair = compare_split(tested, people_of(tested, before + met(QUARTERS, NOW + 9, a=650, b=350)))
    assert unfair.mismatch
    nobody = compare_split(tested, people_of(tested, []))
    assert (nobody.chance, [each.expected for each in nobody.variants]) == (None, [0.75, 0.25])


def test_three_variants_whose_weights_changed():
    first, second = {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.5, "b": 0.2, "c": 0.3}
    creatives = [{"id": name, "kind": "json", "content": {"t": name}} for name in "abc"]
    tested = campaign(allocation="fixed", creatives=creatives)
    before, after = met(first, a=500, b=300, c=200), met(second, NOW + 9, a=500, b=200, c=300)
    assert compare_split(tested, people_of(tested, before + after)).chance > 0.5
    wrong = met(second, NOW + 9, a=500, b=300, c=200)
    assert compare_split(tested, people_of(tested, before + wrong)).mismatch


def test_many_impressions_of_one_person_are_no_mismatch():
    again = [answer("view", f"again{n}", "v:a0-again", "a", NOW + n) for n in range(2_000)]
    tested = campaign(allocation="aa")
    split = compare_split(tested, people_of(tested, [*met(HALVES, a=50, b=50), *again]))
    assert [each.people for each in split.variants] == [51, 50] and not split.mismatch


def test_fair_draws_are_seldom_suspicious_and_unfair_ones_are():
    draws = np.random.default_rng(7).multinomial(900, [0.5, 0.3, 0.2], 4_000)
    assert sum(split_ratio(each.tolist(), [0.5, 0.3, 0.2]) < SUSPICIOUS for each in draws) < 15
    assert split_ratio([450, 270, 180], [0.4, 0.35, 0.25]) < SUSPICIOUS
    assert split_ratio([2, 0, 1], [0.5, 0.3, 0.2]) == 1.0  # too few to tell
    assert split_ratio([0, 0, 9], [0.5, 0.45, 0.05]) < SUSPICIOUS  # few, and told exactly
    assert split_ratio([90, 1, 9], [0.9, 0.0, 0.1]) == 0.0  # somebody met what nobody should
    assert split_ratio([], []) == split_ratio([5], [1.0]) == 1.0
