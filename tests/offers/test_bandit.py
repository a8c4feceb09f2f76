"""The bandit in seeded simulations: regret against playing uniformly, with late rewards and with revenue too."""

import random

import numpy as np
import pytest

from offers.audience.visitor import View
from offers.bandit.contexts import STRONGEST, SlotCounts, context_of, parents, slot_counts
from offers.bandit.delayed_rewards import RewardDelays, count_rewards, reward_delays
from offers.bandit.thompson_sampling import Arm, best_probabilities, with_exploration
from offers.campaign.campaign import Campaign
from offers.campaign.document import parse
from offers.feedback.attribution import Impression, attributed_impressions
from offers.feedback.responses import GoalRow, OfferRow, Response
from offers.feedback.token import Token
from profiles.model import Profile, Touch
from tests.offers.test_campaign import written
from tests.support.sites import UTC_SITE
from tracker.durations import HOUR_MS

RATES = [0.030, 0.035, 0.040, 0.050, 0.065]
DECISIONS, BATCH = 50_000, 500
SECOND = 1_000


def uniform_regret(rates: list[float]) -> float:
    return DECISIONS * (max(rates) - sum(rates) / len(rates))


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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_regret_with_late_rewards(seed: int):
    """One decision a second, conversions that take two hours on average; the job learns every 1,000 decisions."""
    generator = np.random.default_rng(seed)
    campaigns = {"c": campaign(reward="conversion", goal={"event": "Order Completed", "window": "12h"})}
    played: list[Impression] = []
    delays: list[float] = []
    shares, regret = [0.2] * 5, 0.0
    for start in range(0, DECISIONS, 1_000):
        for index, pick in enumerate(generator.choice(5, 1_000, p=shares)):
            ts = (start + index) * SECOND
            won = generator.random() < RATES[pick]
            delays.append(generator.exponential(7_200_000) if won else np.inf)
            played.append(Impression("c", str(pick), "hero", "", shares[pick], "v:a", ts))
            regret += max(RATES) - RATES[pick]
        now = (start + 1_000) * SECOND
        seen = [
            each if each.ts + delay > now else each._replace(converted=int(delay))
            for each, delay in zip(played, delays, strict=True)
        ]
        arms = count_rewards(seen, campaigns, now)["c"]["hero"].arms("")
        shares = with_exploration(best_probabilities([arms.get(str(each), Arm()) for each in range(5)]))
    assert regret <= 0.25 * uniform_regret(RATES)


def campaign(**changes: object) -> Campaign:
    return parse(written(**{"id": "c", "goal": {"event": "Order Completed", "window": "1h"}, **changes}))


def test_a_showing_without_an_answer_counts_by_its_age():
    found = [
        Impression("c", "a", "hero", "", 1.0, "v:a", 0, converted=delay)
        for delay in range(0, HOUR_MS, 36_000)
    ]
    early = reward_delays(found, "conversion", HOUR_MS, 7_200_000)
    assert early.share(0) == 0.01
    assert early.share(1_800_000) == 0.51
    assert early.share(HOUR_MS) == 1.0
    assert RewardDelays((), 1000).share(1) == 1.0  # nothing is known of delays
    now = 10_000_000
    counts = count_rewards(
        [*found, Impression("c", "b", "hero", "", 1.0, "v:a", now - 1_800_000)],
        {"c": campaign(reward="conversion")},
        now,
    )
    assert counts["c"]["hero"].contexts[""]["b"] == Arm(0.51)
    assert counts["c"]["hero"].contexts[""]["a"].shown == 100


def test_who_dismissed_an_offer_has_answered():
    """No click will come any more; an order may, from somebody who only hid the banner."""
    clicked = [
        Impression("c", "a", "hero", "", 1.0, "v:a", 0, clicked=delay) for delay in range(0, HOUR_MS, 36_000)
    ]
    waiting = Impression("c", "b", "hero", "", 1.0, "v:a", 10_000_000)
    hidden = waiting._replace(dismissed=True)

    def counted(reward: str, *found: Impression) -> Arm:
        counts = count_rewards([*clicked, *found], {"c": campaign(reward=reward)}, 10_000_000)
        return counts["c"]["hero"].contexts[""]["b"]

    assert counted("click", waiting).shown < 0.1
    assert counted("click", hidden) == Arm(1.0)
    assert counted("click", hidden._replace(clicked=5)) == Arm(1.0, 1.0)
    assert counted("conversion", hidden) == counted("conversion", waiting)


def answered(nonce: str, kind: str, ts: int, profile: str = "v:a", variant: str = "a") -> Response:
    token = Token("default", "c", variant, "hero", 0.5, 0, "", nonce)
    return Response(token, OfferRow("c", variant, "", kind, profile, ts))


def test_goals_are_credited_to_the_last_showing_within_the_window():
    answers = [
        answered("1", "view", 1_000),
        answered("2", "view", 2_000, variant="b"),
        answered("2", "click", 2_500, variant="b"),
        answered("3", "view", 2_000, profile="v:z"),
        answered("9", "click", 3_000, profile="v:y"),  # clicked on before a second was over: seen
    ]
    goals = [
        GoalRow("Order Completed", "v:a", 500, 1.0),
        GoalRow("Order Completed", "v:a", 5_000, 20.0),
        GoalRow("Order Completed", "v:a", 6_000, 10.0),
        GoalRow("Signed Up", "v:z", 5_000, 0.0),
        GoalRow("Order Completed", "v:z", 2_000 + 3_600_001, 5.0),
        GoalRow("Order Completed", "v:unknown", 5_000, 5.0),
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


def test_contexts_have_parents():
    profile = Profile(id="v:a", stage="regular", device="phone", last_touch=Touch(channel="a|b"))
    assert context_of(View(profile, 0, UTC_SITE)) == "regular|phone|a/b"
    assert parents("regular|phone|mail") == ["", "regular", "regular|phone", "regular|phone|mail"]
    assert parents("") == [""]


def test_a_thin_context_leans_on_its_parent_and_a_thick_one_stands_alone():
    full = {
        "x|d|big": {"a": Arm(20_000, 1_000), "b": Arm(20_000, 2_000)},
        "x|d|odd": {"a": Arm(20_000, 4_000), "b": Arm(20_000, 200)},
        "x|d|thin": {"a": Arm(3, 1), "b": Arm(3, 0)},
    }
    counts = slot_counts(full)
    thin, odd = counts.arms("x|d|thin"), counts.arms("x|d|odd")
    assert counts.strengths[2] < 100  # these buckets differ much
    assert 3 < thin["a"].shown < 120
    assert odd["a"].rewarded / odd["a"].shown == pytest.approx(0.2, abs=0.005)
    assert set(counts.arms("never|seen|before")) == {"a", "b"}
    assert counts.contexts[""]["a"].shown == 40_003


def test_contexts_that_are_alike_learn_from_each_other():
    generator = random.Random(3)
    full = {
        f"s|d|{number}": {
            variant: Arm(200, sum(generator.random() < rate for _ in range(200)))
            for variant, rate in (("a", 0.10), ("b", 0.15))
        }
        for number in range(40)
    }
    counts = slot_counts(full)
    assert counts.strengths[2] == STRONGEST
    alone = min(best_probabilities(list(counts.values()))[1] for counts in full.values())
    together = min(best_probabilities(list(counts.arms(context).values()))[1] for context in full)
    assert together > 0.99 > 0.9 > alone


def test_data_are_never_counted_twice():
    counts = slot_counts({"x|d|only": {"a": Arm(500, 50)}})
    assert counts.arms("x|d|only")["a"] == pytest.approx(Arm(500, 50))
    assert counts.arms("")["a"] == pytest.approx(Arm(500, 50))
    assert SlotCounts().arms("x|y|z") == {}


def test_buckets_that_are_alike_are_rarely_taken_for_different():
    """The terms depend on one another, so a little more often than a chi-square that fits lies so high."""
    draw, apart = np.random.default_rng(6), 0
    for _ in range(600):
        won = draw.binomial(1_000, 0.1, 3)
        full = {f"s|d|{at}": {"a": Arm(1_000, int(each))} for at, each in enumerate(won)}
        apart += slot_counts(full).strengths[2] < STRONGEST
    assert apart / 600 < 0.12
