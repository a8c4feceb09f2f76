"""Which variant is the best: said for a bandit and for fixed shares alike, and not for nothing."""

import numpy as np
import pytest

from offers.bandit.thompson_sampling import Arm, best_probabilities, with_exploration
from offers.experiments.leader import leader
from offers.experiments.people import People
from tests.support.people import people_with

NAMES = ("a", "b", "c")


def met(
    variant: np.ndarray, share: np.ndarray, outcome: np.ndarray, still: np.ndarray | None = None
) -> People:
    n = len(variant)
    return people_with(
        np.zeros(n, np.bool_),
        outcome,
        0.1,
        variant=variant,
        variant_share=share,
        open=np.zeros(n, np.bool_) if still is None else still,
        clicks=(outcome > 0).astype(float),
        variants=NAMES,
    )


def played(rng: np.random.Generator, rates: tuple[float, ...], days: int, daily: int, greedy: bool) -> People:
    """By Thompson sampling, of which a variant that seems worse gets no more than a hundredth; else equal shares."""
    count = len(rates)
    arms = [Arm()] * count
    columns: list[tuple[np.ndarray, ...]] = []
    for _ in range(days):
        shares = np.full(count, 1 / count)
        if greedy:
            shares = np.array(with_exploration(best_probabilities(arms)))
        variant = rng.choice(count, daily, p=shares / shares.sum())
        outcome = rng.random(daily) < np.array(rates)[variant]
        new = zip(
            np.bincount(variant, minlength=count), np.bincount(variant[outcome], minlength=count), strict=True
        )
        arms = [
            arm.plus(Arm(float(shown), float(reached)))
            for arm, (shown, reached) in zip(arms, new, strict=True)
        ]
        columns.append((variant, shares[variant], outcome.astype(float)))
    return met(*(np.concatenate(each) for each in zip(*columns, strict=True)))


def until(people: People, count: int) -> People:
    return met(people.variant[:count], people.variant_share[:count], people.revenue[:count])


@pytest.mark.parametrize("greedy", [True, False])
@pytest.mark.parametrize("variants", [2, 3])
def test_of_equals_none_is_called_the_best_however_often_one_looks(greedy: bool, variants: int):
    rng, claimed = np.random.default_rng(variants), 0
    for _ in range(60):
        people = played(rng, (0.05,) * variants, 30, 100, greedy)
        looks = (leader(until(people, 100 * day), variants, "click", 1_500) for day in range(3, 31, 3))
        claimed += any(look is not None and look.sure for look in looks)
    assert claimed <= 3


@pytest.mark.parametrize("greedy", [True, False])
def test_a_better_one_is_found_and_by_how_much(greedy: bool):
    """A bandit hardly plays the worse one, and so learns less of the difference."""
    rng, found, missed, rate = np.random.default_rng(9), 0, 0, 0.2 if greedy else 0.16
    for _ in range(40):
        told = leader(played(rng, (0.1, rate), 40, 150, greedy), 2, "conversion", 6_000)
        assert told is not None
        found += told.sure and told.variant == "b"
        difference = told.rivals[0].difference
        assert difference is not None
        truth = (rate - 0.1) if told.variant == "b" else 0.1 - rate
        missed += not difference.low <= truth <= difference.high
    assert found >= (15 if greedy else 30) and missed <= 2


def test_a_bandits_choices_are_weighted():
    """By day or by night everybody converts or nobody does, and the bandit plays b by day: nothing is known of b."""
    rng = np.random.default_rng(1)
    day = np.arange(20_000) // 100 % 2 == 0
    share_b = np.where(day, 0.8, 0.2)
    variant = (rng.random(20_000) < share_b).astype(np.int64)
    outcome = (rng.random(20_000) < np.where(day, 0.3, 0.02)).astype(float)
    assert outcome[variant == 1].mean() > 2 * outcome[variant == 0].mean()
    told = leader(met(variant, np.where(variant == 1, share_b, 1 - share_b), outcome), 2, "click", 5_000)
    assert told is not None and not told.sure


def test_no_winner_before_the_people_of_the_plan_are_there():
    people = played(np.random.default_rng(2), (0.05, 0.5), 10, 100, False)
    assert leader(people, 2, "click", 1_000).sure
    assert not leader(people, 2, "click", 1_001).sure
    still = met(people.variant, people.variant_share, people.revenue, np.arange(1_000) >= 900)
    assert not leader(still, 2, "click", 1_000).sure


def test_a_variant_that_nobody_met_may_be_the_best():
    people = played(np.random.default_rng(3), (0.05, 0.5), 10, 100, False)
    told = leader(people, 3, "click", 500)
    assert told.variant == "b" and not told.sure
    assert [each.variant for each in told.rivals if each.difference is None] == ["c"]
    assert leader(people, 1, "click", 500) is None and leader(until(people, 0), 2, "click", 500) is None


def test_revenue_decides_where_the_campaign_is_for_it():
    rng = np.random.default_rng(4)
    variant = rng.integers(0, 2, 20_000)
    outcome = (rng.random(20_000) < 0.2) * np.where(variant == 1, 30.0, 20.0) * rng.lognormal(0, 0.5, 20_000)
    people = met(variant, np.full(20_000, 0.5), outcome)
    assert leader(people, 2, "revenue", 20_000)[::2] == ("b", True)
    assert not leader(people, 2, "conversion", 20_000).sure
