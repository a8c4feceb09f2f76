"""A campaign played out: decisions by a policy, rewards that come later, and the feedback job's counts in between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from offers.bandit.delayed_rewards import count_rewards
from offers.bandit.thompson_sampling import Arm, best_probabilities, with_exploration
from offers.feedback.attribution import Impression
from tests.support.impressions import campaign
from tracker.durations import DAY_MS, HOUR_MS

Rates = Callable[[float], Sequence[float]]
"""Each variant's rate at a part of the time, 0 to 1."""


@dataclass(frozen=True)
class Scenario:
    """``decisions`` over ``days``, with the job run after every ``batch``. ``delay``: mean hours until a conversion, 0
    for clicks. ``worth``: by variant, the mean revenue of a conversion. ``begins``: when each variant is there."""

    rates: Rates
    decisions: int = 36_000
    batch: int = 1_200
    days: float = 30.0
    delay: float = 0.0
    worth: tuple[float, ...] = ()
    begins: tuple[float, ...] = ()

    def rates_at(self, part: float) -> npt.NDArray[np.float64]:
        """Of the variants that are there."""
        rates = self.rates(part)
        begins = self.begins or (0.0,) * len(rates)
        return np.array([rate for rate, begin in zip(rates, begins, strict=True) if begin <= part])

    def means(self, part: float) -> npt.NDArray[np.float64]:
        """What a showing of each is worth."""
        rates = self.rates_at(part)
        return rates * np.array(self.worth[: len(rates)]) if self.worth else rates


def adaptive(found: list[Impression], scenario: Scenario, now: int, count: int) -> list[float]:
    """Shares as the feedback job and the decider make them."""
    reward = "revenue" if scenario.worth else "conversion" if scenario.delay else "click"
    goal = {"event": "Order Completed", "window": "3d"}
    learned = count_rewards(found, {"c": campaign(reward=reward, goal=goal)}, now)
    known = learned["c"]["hero"].arms("") if learned else {}
    return with_exploration(best_probabilities([known.get(str(n), Arm()) for n in range(count)], reward))


def uniform(found: list[Impression], scenario: Scenario, now: int, count: int) -> list[float]:
    return [1 / count] * count


Policy = Callable[[list[Impression], Scenario, int, int], list[float]]


def regret(scenario: Scenario, policy: Policy, seed: int) -> float:
    """What the policy's decisions lose against the best variant of each moment, in rewards (or revenue)."""
    return play(scenario, policy, seed)[0]


def best_fixed(scenario: Scenario) -> float:
    """The regret of the one variant that is the best over the whole time."""
    moments = [
        scenario.means(start / scenario.decisions) for start in range(0, scenario.decisions, scenario.batch)
    ]
    count = len(moments[0])
    lost = sum(each.max() - each[:count] for each in moments) * scenario.batch
    return float(np.min(lost))


def play(scenario: Scenario, policy: Policy, seed: int) -> tuple[float, list[Impression]]:
    """The regret, and the impressions with the propensities that were logged and all their rewards."""
    chance, lost = np.random.default_rng(seed), 0.0
    played: list[Impression] = []
    due: list[int | None] = []  # when the reward of each comes, after it, in ms
    step = scenario.days * DAY_MS / scenario.decisions
    for start in range(0, scenario.decisions, scenario.batch):
        now, means = int(start * step), scenario.means(start / scenario.decisions)
        shares = np.array(policy(_seen(played, due, now), scenario, now, len(means)))
        picks = chance.choice(len(means), scenario.batch, p=shares / shares.sum())
        won = chance.random(scenario.batch) < scenario.rates_at(start / scenario.decisions)[picks]
        for index, pick in enumerate(picks.tolist()):
            worth = scenario.worth[pick] if scenario.worth else 0.0
            value = worth * float(chance.lognormal(-0.5, 1.0)) if won[index] else 0.0
            ts = int((start + index) * step)
            played.append(
                Impression("c", str(pick), "hero", "", float(shares[pick]), f"v:{ts}", ts, value=value)
            )
            wait = int(chance.exponential(scenario.delay * HOUR_MS)) if scenario.delay else 0
            due.append(wait if won[index] else None)
        lost += float((means.max() - means[picks]).sum())
    return lost, _seen(played, due, 1 << 60)


def _seen(played: list[Impression], due: list[int | None], now: int) -> list[Impression]:
    """The impressions as the warehouse tells them at ``now``."""
    return [
        each if wait is None or each.ts + wait > now else each._replace(clicked=wait, converted=wait)
        for each, wait in zip(played, due, strict=True)
    ]


def plain(found: list[Impression], scenario: Scenario, now: int, count: int) -> list[float]:
    """The same with a bandit that forgets nothing."""
    with patch("offers.bandit.delayed_rewards.first_valid", return_value=0):
        return adaptive(found, scenario, now, count)
