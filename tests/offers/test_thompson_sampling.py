"""Thompson sampling: exact probabilities, posterior draws, and the regret of seeded simulations."""

import random
from collections import Counter

import numpy as np
import pytest

from offers.bandit.thompson_sampling import Arm, best_probabilities, posterior_draws, with_exploration
from tests.support.impressions import BATCH, DECISIONS, uniform_regret

RATES = [0.030, 0.035, 0.040, 0.050, 0.065]


@pytest.mark.parametrize("seed", range(5))
def test_regret_of_clicks(seed: int):
    generator = np.random.default_rng(seed)
    arms, regret = [Arm()] * 5, 0.0
    for _ in range(DECISIONS // BATCH):
        played = generator.multinomial(BATCH, with_exploration(best_probabilities(arms)))
        won = generator.binomial(played, RATES)
        arms = [arm.plus(Arm(int(n), int(k))) for arm, n, k in zip(arms, played, won, strict=True)]
        regret += sum(int(n) * (max(RATES) - rate) for n, rate in zip(played, RATES, strict=True))
    assert regret <= 0.25 * uniform_regret(RATES)


@pytest.mark.parametrize("seed", range(5))
def test_regret_of_revenue(seed: int):
    """Orders of log-normal worth: the variant that sells less often sells for more."""
    generator = np.random.default_rng(seed)
    rates, worth = [0.05, 0.05, 0.05, 0.05, 0.025], [20.0, 22.0, 24.0, 26.0, 80.0]
    means = [rate * each for rate, each in zip(rates, worth, strict=True)]
    arms, regret = [Arm()] * 5, 0.0
    for _ in range(DECISIONS // BATCH):
        played = generator.multinomial(BATCH, with_exploration(best_probabilities(arms, "revenue")))
        for index, n in enumerate(played):
            won = generator.binomial(n, rates[index])
            values = worth[index] * generator.lognormal(-0.125, 0.5, won)
            arms[index] = arms[index].plus(Arm(int(n), won, float(values.sum()), float((values**2).sum())))
            regret += int(n) * (max(means) - means[index])
    assert regret <= 0.25 * uniform_regret(means)


@pytest.mark.parametrize("reward", ["click", "revenue"])
def test_a_draw_is_best_as_often_as_it_is_likely_to_be(reward):
    chance = random.Random(3)
    arms = [Arm(500, 20, 400.0, 9_000.0), Arm(400, 22, 380.0, 8_000.0), Arm(), Arm(30, 1, 15.0, 225.0)]
    draws = [posterior_draws(arms, reward, chance) for _ in range(20_000)]
    shares = Counter(each.index(max(each)) for each in draws)
    for at, likely in enumerate(best_probabilities(arms, reward)):
        assert shares[at] / 20_000 == pytest.approx(likely, abs=0.015)


def test_the_probability_of_being_best_is_the_integral():
    """Against a million draws from the posteriors, from nothing known to very much known."""
    import numpy as np

    generator = np.random.default_rng(1)
    for arms in (
        [Arm(), Arm()],
        [Arm(10, 1), Arm(12, 3), Arm(0, 0)],
        [Arm(100_000, 1_000), Arm(100_000, 1_050), Arm(50, 1)],
        [Arm(5, 5), Arm(1_000_000, 999_000)],
        [Arm(n, n // 3) for n in range(20)],
    ):
        draws = np.stack([generator.beta(1 + a.rewarded, 1 + a.shown - a.rewarded, 1_000_000) for a in arms])
        simulated = np.bincount(draws.argmax(axis=0), minlength=len(arms)) / 1_000_000
        assert np.allclose(best_probabilities(arms), simulated, atol=2.5e-3)
        assert sum(best_probabilities(arms)) == pytest.approx(1)
        assert sum(with_exploration(best_probabilities(arms))) == pytest.approx(1)
        assert min(with_exploration(best_probabilities(arms))) >= 0.01


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
