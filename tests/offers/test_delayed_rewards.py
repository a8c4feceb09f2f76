"""Delayed rewards: what an impression counts for while its reward may still come."""

import numpy as np
import pytest

from offers.bandit.delayed_rewards import RewardDelays, count_rewards, reward_delays
from offers.bandit.thompson_sampling import Arm, best_probabilities, with_exploration
from offers.feedback.attribution import Impression
from tests.support.impressions import DECISIONS, campaign, uniform_regret
from tracker.durations import HOUR_MS

RATES = [0.030, 0.035, 0.040, 0.050, 0.065]


SECOND = 1_000


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


NOW = 100 * HOUR_MS


CONVERTED = [
    Impression("c", "a", "hero", "", 1.0, "v:a", NOW - 9 * HOUR_MS, converted=delay)
    for delay in range(0, HOUR_MS, HOUR_MS // 100)
]
"""A hundred showings whose orders came evenly within the hour."""


def test_to_have_hidden_a_banner_is_no_failure_to_buy():
    waiting = Impression("c", "b", "hero", "", 1.0, "v:b", NOW - HOUR_MS // 2)
    for showing in (waiting, waiting._replace(dismissed=True)):
        counts = count_rewards([*CONVERTED, showing], {"c": campaign(reward="conversion")}, NOW)
        assert counts["c"]["hero"].contexts[""]["b"] == Arm(0.51)


def test_delays_are_those_of_showings_that_had_all_their_time():
    hasty = [CONVERTED[0]._replace(ts=NOW - 1, converted=1)] * 1_000
    assert reward_delays([*CONVERTED, *hasty], "conversion", HOUR_MS, NOW).share(HOUR_MS // 2) == 0.51
    few = CONVERTED[70:]
    assert len(reward_delays([*CONVERTED[71:], *hasty], "conversion", HOUR_MS, NOW).delays) == 1_029
    assert reward_delays([*few, *hasty], "conversion", HOUR_MS, NOW).delays == [
        each.converted for each in few
    ]


def test_a_showing_is_old_when_its_window_is_over():
    just = [each._replace(ts=NOW - HOUR_MS) for each in CONVERTED]
    young = [each._replace(ts=NOW - HOUR_MS + 1, converted=5) for each in CONVERTED]
    assert len(reward_delays([*just, *young], "conversion", HOUR_MS, NOW).delays) == 100


def test_delays_beyond_the_window_are_not_waited_for():
    slow = [CONVERTED[0]._replace(converted=HOUR_MS + 1)] * 500
    just = CONVERTED[0]._replace(converted=HOUR_MS)
    known = reward_delays([*CONVERTED, *slow, just], "conversion", HOUR_MS, NOW)
    assert len(known.delays) == 101 and max(known.delays) == HOUR_MS


def test_showings_of_a_campaign_that_is_gone_teach_nothing():
    gone = CONVERTED[0]._replace(campaign="gone")
    assert list(count_rewards([gone, *CONVERTED], {"c": campaign()}, NOW)) == ["c"]
