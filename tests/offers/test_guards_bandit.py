"""What else holds of the bandit and its contexts: exact values, odd counts, one arm far surer than another."""

import random

import numpy as np
import pytest

from offers.bandit.contexts import CONTEXTS_KEPT, slot_counts
from offers.bandit.thompson_sampling import Arm, best_probabilities, posterior_draws, with_exploration
from profiles.model import Profile, Touch
from tests.offers.test_decide import SIGNER, decider, offer
from tests.support.decisions import decided


@pytest.mark.parametrize("reward", ["click", "revenue"])
def test_equal_arms_are_even_however_few_their_showings(reward):
    for arm in (Arm(), Arm(1, 1, 5.0, 25.0), Arm(2, 1, 5.0, 25.0), Arm(7, 0)):
        for count in (2, 3, 7):
            assert best_probabilities([arm] * count, reward) == pytest.approx([1 / count] * count, abs=1e-9)


def test_small_counts_give_the_known_fractions():
    """By integrating the Beta densities 1, 2x and 2(1 - x) by hand."""
    assert best_probabilities([Arm(), Arm(1, 0)]) == pytest.approx([2 / 3, 1 / 3], abs=3e-4)
    assert best_probabilities([Arm(1, 1), Arm(1, 0)]) == pytest.approx([5 / 6, 1 / 6], abs=3e-4)
    assert best_probabilities([Arm(), Arm(), Arm(1, 0)]) == pytest.approx([5 / 12, 5 / 12, 1 / 6], abs=3e-4)


def test_sixty_arms_share_half_of_all_decisions():
    shares = with_exploration([1.0] + [0.0] * 59)
    assert shares == pytest.approx([0.5 + 0.5 / 60] + [0.5 / 60] * 59)
    assert with_exploration([1.0] + [0.0] * 49)[1] == pytest.approx(0.01)


def test_more_rewards_than_showings_are_as_good_as_all_and_no_better():
    odd, sure = Arm(1.0, 3.0), Arm(3.0, 3.0)
    assert best_probabilities([odd, Arm(10, 5)]) == pytest.approx(best_probabilities([sure, Arm(10, 5)]))
    assert [posterior_draws([odd], "click", random.Random(n)) for n in range(9)] == [
        posterior_draws([sure], "click", random.Random(n)) for n in range(9)
    ]


def simulated(arms: list[Arm], draws: int = 2_000_000) -> np.ndarray:
    """How often each arm's mean is the largest, drawn from Normal-Gamma posteriors as the textbook has them: the
    prior counts as one observation of the mean, and three of the variance, of all arms together."""
    generator = np.random.default_rng(6)
    seen = sum(arm.shown for arm in arms)
    centre = sum(arm.worth for arm in arms) / seen
    variance = sum(arm.squares for arm in arms) / seen - centre**2
    means = []
    for n, _, worth, squares in arms:
        own = worth / n if n else centre
        rate = 1.5 * variance + (squares - n * own**2) / 2 + n * (own - centre) ** 2 / (2 * (n + 1))
        precision = generator.gamma(1.5 + n / 2, 1 / rate, draws)
        means.append(generator.normal((centre + n * own) / (n + 1), 1 / np.sqrt((n + 1) * precision), draws))
    return np.bincount(np.stack(means).argmax(axis=0), minlength=len(arms)) / draws


@pytest.mark.parametrize(
    "arms",
    [
        [Arm(3, 2, 30.0, 500.0), Arm(5, 1, 8.0, 64.0), Arm()],
        [Arm(2, 2, 40.0, 802.0), Arm(40, 10, 200.0, 4_400.0)],
        [Arm(1_000_000, 30_000, 1_000_000.0, 40_000_000.0), Arm(10, 1, 12.0, 144.0)],
        [
            Arm(1_000_000, 30_000, 1_000_000.0, 40_000_000.0),
            Arm(1_000_000, 30_000, 1_005_000.0, 40_000_000.0),
            Arm(10, 1, 12.0, 144.0),
        ],
    ],
)
def test_the_best_by_revenue_is_so_with_the_probability_of_the_posteriors(arms):
    assert best_probabilities(arms, "revenue") == pytest.approx(simulated(arms), abs=2e-3)


def test_squares_that_rounding_made_too_small_are_no_negative_variance():
    arms = [Arm(10, 10, 100.0, 1_000.0 - 1e-3), Arm(10, 10, 100.0, 1_000.0 - 1e-3)]
    assert best_probabilities(arms, "revenue") == pytest.approx([0.5, 0.5])
    assert posterior_draws(arms, "revenue", random.Random(1)) == pytest.approx([10.0, 10.0], abs=0.1)


def test_names_of_contexts_are_cut(clock, site):
    profile = Profile(id="v:a", stage="regular", device="d" * 99, last_touch=Touch(channel="c" * 41))
    decision = decided(decider(clock, offer("x")), site, profile, "hero")
    context = SIGNER.read(decision.token, "default", int(clock.now * 1000)).context
    assert context == f"regular|{'d' * 40}|{'c' * 40}"


def test_of_too_many_contexts_the_rare_count_in_their_parents_only():
    full = {f"s|d|{number}": {"a": Arm(10, 1)} for number in range(CONTEXTS_KEPT)}
    kept = slot_counts({**full, "s|d|rare": {"a": Arm(1, 1)}, "": {"a": Arm(2, 0)}}).contexts
    assert "s|d|rare" not in kept
    assert sum(name.count("|") == 2 for name in kept) == CONTEXTS_KEPT
    assert kept["s|d"]["a"] == kept["s"]["a"] == Arm(5_001, 501)
    assert kept[""]["a"] == Arm(5_003, 501)


def test_a_bucket_is_compared_with_its_parent_without_itself():
    """Pearson's terms 1600 / 120.4 and 1600 / 90, each halved since the other is as uncertain, less 2 and the noise of
    4, over 1998."""
    counts = slot_counts({"s|d|p": {"a": Arm(1_000, 100)}, "s|d|q": {"a": Arm(1_000, 140)}})
    assert counts.strengths[2] == pytest.approx(1_998 / (800 / 120.4 + 800 / 90 - 6) - 1)
