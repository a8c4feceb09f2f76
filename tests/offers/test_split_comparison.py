"""Fixed splits and A/A tests by people: each once, in the variant met first; sizes that no draw gives are told."""

import numpy as np
import pytest

from offers.experiments.sample_ratio import SUSPICIOUS, split_ratio
from offers.experiments.split_comparison import compare_split
from offers.reports.campaign_report import campaign_report
from tests.support.campaign_responses import NOW, answer, campaign
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
    split = compare_split(campaign(allocation="fixed", creatives=WEIGHTED), answers, goals)
    told = {each.variant: each[1:5] for each in split.variants}
    assert told == {"a": (2, 1, 1, 50.1), "b": (1, 0, 1, 20.0)}
    assert [each.expected for each in split.variants] == [0.75, 0.25] and split.crossed == 1
    report = campaign_report(
        campaign(allocation="fixed", creatives=WEIGHTED, reward="conversion"), answers, goals
    )
    assert report.split is not None and report.split.variants == split.variants
    assert report.variants[1].best > report.variants[0].best  # 1 of 1 person, beside 1 of 2
    assert campaign_report(campaign(), answers, goals).split is None  # the bandit's


def people(**counts: int):
    return [
        answer("view", f"{name}{n}", f"v:{name}{n}", name)
        for name, count in counts.items()
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "allocation", "mismatch"),
    [
        ({"a": 600, "b": 400}, "aa", True),
        ({"a": 510, "b": 490}, "aa", False),
        ({"a": 740, "b": 260}, "fixed", False),
        ({"a": 510, "b": 490}, "fixed", True),
    ],
)
def test_sizes_that_the_weights_do_not_give_are_a_mismatch(counts, allocation, mismatch):
    tested = campaign(allocation=allocation, creatives=WEIGHTED)
    split = compare_split(tested, people(**counts), [])
    assert split.mismatch is mismatch
    assert compare_split(tested, people(**counts), [], same_shares=False).chance is None
    former = compare_split(tested, people(**counts, old=3), [])
    assert former.chance is None and former.variants[-1][:2] == ("old", 3)


def test_many_impressions_of_one_person_are_no_mismatch():
    again = [answer("view", f"again{n}", "v:a0", "a", NOW + n) for n in range(2_000)]
    split = compare_split(campaign(allocation="aa"), [*people(a=50, b=50), *again], [])
    assert [each.people for each in split.variants] == [50, 50] and not split.mismatch


def test_fair_draws_are_seldom_suspicious_and_unfair_ones_are():
    draws = np.random.default_rng(7).multinomial(900, [0.5, 0.3, 0.2], 4_000)
    assert sum(split_ratio(each.tolist(), [0.5, 0.3, 0.2]) < SUSPICIOUS for each in draws) < 15
    assert split_ratio([450, 270, 180], [0.4, 0.35, 0.25]) < SUSPICIOUS
    assert split_ratio([2, 0, 1], [0.5, 0.3, 0.2]) == 1.0  # too few to tell
    assert split_ratio([90, 1, 9], [0.9, 0.0, 0.1]) == 0.0  # somebody met what nobody should
    assert split_ratio([], []) == split_ratio([5], [1.0]) == 1.0
