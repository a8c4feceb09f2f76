"""Changes: what came before one is forgotten, and what is no change is not taken for one."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offers.bandit.changes import Played, first_valid
from offers.bandit.delayed_rewards import count_rewards
from offers.bandit.thompson_sampling import Arm
from offers.experiments.off_policy import estimate
from offers.feedback.attribution import Impression
from tests.support.bandit_simulation import Scenario, adaptive, plain, play, regret, uniform
from tests.support.impressions import campaign
from tracker.durations import DAY_MS, MINUTE_MS

RATES = np.array([0.030, 0.035, 0.040, 0.050, 0.065])
SURE = np.array([0.01, 0.01, 0.01, 0.01, 0.96])
"""How a bandit plays that has learned the rates."""
EVEN = np.full(5, 0.2)


def played(*parts: tuple[int, np.ndarray, np.ndarray], seed: int) -> Played:
    """``parts``: how many showings, the shares of the variants and their rates."""
    chance = np.random.default_rng(seed)
    variant = np.concatenate([chance.choice(len(shares), count, p=shares) for count, shares, _ in parts])
    rate = np.concatenate([np.broadcast_to(rates, (count, len(rates))) for count, _, rates in parts])
    won = chance.random(len(variant)) < rate[np.arange(len(variant)), variant]
    return Played(variant, np.zeros_like(variant), np.ones(len(variant)), won.astype(float))


LEARNED = [(2_000, EVEN, RATES), (16_000, SURE, RATES)]


def forgot(*parts: tuple[int, np.ndarray, np.ndarray], seeds: int = 30) -> float:
    """How often something is forgotten."""
    return float(np.mean([first_valid(played(*parts, seed=seed)) > 0 for seed in range(seeds)]))


def test_where_nothing_changed_hardly_anything_is_forgotten():
    assert forgot(*LEARNED, seeds=100) <= 0.02
    assert forgot((20_000, EVEN, RATES), seeds=100) <= 0.02


@pytest.mark.parametrize("count", [0, 1, 2, 5, 100, 600])
def test_what_is_shown_ten_times_a_day_is_not_forgotten_before_it_is_learned(count: int):
    assert forgot((count, EVEN, RATES)) == 0.0


def test_a_reversal_is_noticed_by_the_fall_of_the_best_and_what_was_before_is_forgotten():
    fallen = (1_500, SURE, RATES[::-1])
    assert forgot(*LEARNED, fallen) > 0.7
    found = [first_valid(played(*LEARNED, fallen, seed=seed)) for seed in range(20)]
    assert all(16_500 < first <= 19_000 for first in found if first)
    assert forgot(*LEARNED, fallen, (2_000, EVEN, RATES[::-1])) > 0.9
    assert forgot(*LEARNED, fallen, (2_000, EVEN, RATES[::-1]), (9_000, SURE[::-1], RATES[::-1])) > 0.9


def test_a_fall_of_all_variants_alike_is_explored_and_then_all_is_known_again():
    fallen = RATES * 0.5
    assert forgot(*LEARNED, (2_000, SURE, fallen)) > 0.8
    assert forgot(*LEARNED, (2_000, SURE, fallen), (6_000, EVEN, fallen)) < 0.3
    assert forgot(*LEARNED, (2_000, SURE, RATES * 1.6)) < 0.1, "more rewards are no reason to doubt the best"


def test_weekends_are_no_change_once_one_is_known():
    """2,000 a day; the first weekend was explored. Then comes a weekend, and in another world a reversal, too."""
    week, weekend = RATES * 1.15, RATES * 0.6
    first = [(10_000, SURE, week), (2_000, SURE, weekend), (2_000, EVEN, weekend)]
    more = [(10_000, SURE, week), (4_000, SURE, weekend)] * 3
    assert forgot(*first, *more, (10_000, SURE, week), (2_000, SURE, weekend)) < 0.1
    assert forgot(*first, *more, (10_000, SURE, week), (4_000, SURE, RATES[::-1] * 0.6)) > 0.8, (
        "but this is one"
    )


def test_other_visitors_are_no_change():
    """Each variant is shown to those whom it suits, and of one kind fewer come."""
    chance = np.random.default_rng(4)
    rates = np.array([[0.10, 0.02], [0.02, 0.04]])  # by context
    for _ in range(10):
        context = (chance.random(20_000) < np.where(np.arange(20_000) < 12_000, 0.2, 0.9)).astype(int)
        variant = np.where(chance.random(20_000) < 0.9, context, 1 - context)
        won = chance.random(20_000) < rates[context, variant]
        assert first_valid(Played(variant, context, np.ones(20_000), won.astype(float))) == 0


def test_of_several_changes_the_last_counts():
    rates = np.array([0.1, 0.2, 0.3])
    even = np.full(3, 1 / 3)
    found = first_valid(
        played((4_000, even, rates), (4_000, even, rates[::-1]), (2_000, even, rates), seed=1)
    )
    assert 7_500 < found < 8_500


def impression(number: int, variant: str, won: bool, value: float = 0.0, context: str = "") -> Impression:
    came = 1_000 if won else None
    return Impression(
        "c",
        variant,
        "hero",
        context,
        0.5,
        "v:a",
        number * MINUTE_MS,
        clicked=came,
        converted=came,
        value=value,
    )


def reversed_clicks(seed: int, count: int = 6_000) -> list[Impression]:
    chance = random.Random(seed)
    rates = {"a": 0.05, "b": 0.15}, {"a": 0.15, "b": 0.05}
    found = []
    for number in range(count):
        variant = chance.choice("ab")
        context = f"new|phone|{chance.choice(('mail', 'search'))}"
        found.append(
            impression(number, variant, chance.random() < rates[number > count // 2][variant], 0.0, context)
        )
    return found


def test_the_counts_are_those_of_the_impressions_since_the_change_at_every_level():
    found = reversed_clicks(1)
    counts = count_rewards(found, {"c": campaign(reward="click")}, 10 * DAY_MS)["c"]["hero"]
    assert 2_900 * MINUTE_MS < counts.since < 3_100 * MINUTE_MS
    valid = [each for each in found if each.ts >= counts.since]
    for context in ("", "new", "new|phone", "new|phone|mail"):
        mine = [each for each in valid if each.context.startswith(context)]
        for variant in "ab":
            own = [each for each in mine if each.variant == variant]
            won = sum(each.clicked is not None for each in own)
            assert counts.contexts[context][variant][:2] == pytest.approx((len(own), won))


def test_whoever_runs_the_job_and_in_whatever_order_responses_came_learns_the_same():
    found = reversed_clicks(2)
    mixed = random.Random(5).sample(found, len(found))
    campaigns = {"c": campaign(reward="click")}
    assert count_rewards(found, campaigns, 10 * DAY_MS) == count_rewards(mixed, campaigns, 10 * DAY_MS)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300), st.sampled_from("abc"), st.sampled_from(("x|y|z", "x", "")), st.booleans()
        ),
        max_size=60,
    )
)
def test_few_impressions_are_summed_whatever_they_are(rows: list[tuple[int, str, str, bool]]):
    found = [impression(ts, variant, won, 5.0, context) for ts, variant, context, won in rows]
    for reward in ("click", "revenue"):
        learned = count_rewards(found, {"c": campaign(reward=reward)}, DAY_MS)
        if not rows:
            assert learned == {}
            continue
        for variant in {row[1] for row in rows}:
            own = [each for each in found if each.variant == variant]
            won = [each for each in own if each.clicked is not None]
            assert learned["c"]["hero"].contexts[""][variant] == pytest.approx(
                Arm(len(own), len(won), 5.0 * len(won), 25.0 * len(won))
            )


def test_revenue_that_changes_while_rates_do_not_is_a_change():
    chance = np.random.default_rng(3)
    worth = {"a": (20.0, 60.0), "b": (60.0, 20.0)}
    found = []
    for number in range(12_000):
        variant = "ab"[int(chance.integers(2))]
        won = bool(chance.random() < 0.1)
        value = worth[variant][number > 6_000] * float(chance.lognormal(-0.5, 1.0)) if won else 0.0
        found.append(impression(number, variant, won, value))
    counts = count_rewards(found, {"c": campaign(reward="revenue")}, 20 * DAY_MS)["c"]["hero"]
    assert 5_000 * MINUTE_MS < counts.since < 7_000 * MINUTE_MS
    clicks = count_rewards(found, {"c": campaign(reward="click")}, 20 * DAY_MS)["c"]["hero"]
    assert clicks.since == 0


QUICK = Scenario(lambda part: (0.05, 0.10, 0.20) if part < 0.5 else (0.20, 0.10, 0.05), 6_000, 300)


def test_after_a_reversal_the_new_best_is_played():
    """Uniform 500. One that forgets nothing plays the former best for about as long again."""
    ours = [regret(QUICK, adaptive, seed) for seed in range(3)]
    assert np.mean(ours) < 0.35 * regret(QUICK, uniform, 0)
    assert np.mean(ours) < 0.5 * regret(QUICK, plain, 0)


def test_without_changes_it_is_as_good_as_thompson_sampling_that_forgets_nothing():
    steady = Scenario(lambda _: (0.05, 0.08, 0.12), 4_000, 400)
    for seed in range(2):
        assert regret(steady, adaptive, seed) == pytest.approx(regret(steady, plain, seed))


def test_late_conversions_are_no_fall():
    late = Scenario(lambda _: (0.05, 0.08, 0.12), 4_000, 400, days=10.0, delay=24.0)
    for seed in range(2):
        assert regret(late, adaptive, seed) == pytest.approx(regret(late, plain, seed))


def test_logged_propensities_stay_those_of_the_moment():
    """What always showing a variant would have brought, of a log in which the bandit forgot once."""
    hits = 0
    for seed in range(4):
        _, log = play(QUICK, adaptive, seed)
        assert all(0.01 <= each.propensity <= 0.98 for each in log)
        found = estimate(
            [float(each.clicked is not None) for each in log],
            [each.propensity for each in log],
            [float(each.variant == "2") for each in log],
        )
        hits += found.ips.low <= 0.125 <= found.ips.high
    assert hits >= 3
