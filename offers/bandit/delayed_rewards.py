"""Counts for the bandit from impressions whose rewards may still come.

An impression of a minute ago without a click is not yet a failure. It counts as the share of rewards that have come
by that age, among those that came at all (Chapelle 2014, with the empirical distribution of delays). A visitor who
dismissed an offer has responded: where the reward is a click, that is a whole failure at once. It is not more than one
failure, because a banner that few dismiss and few click is not better than one that many click.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from offers.bandit.contexts import Counts, SlotCounts, slot_counts
from offers.bandit.thompson_sampling import Arm
from offers.campaign.campaign import Campaign, Reward
from offers.feedback.attribution import Impression
from tracker.durations import MINUTE_MS

CLICK_WINDOW_MS = 30 * MINUTE_MS
"""How long a missing click is waited for. A click counts for its impression whenever it comes."""
DELAYS_WANTED = 30
"""So many delays must be known before impressions are discounted by their age."""
ENOUGH_DELAYS = 5_000


def count_rewards(
    found: Iterable[Impression], campaigns: Mapping[str, Campaign], now: int
) -> dict[str, dict[str, SlotCounts]]:
    """Counts of every campaign by slot, as of ``now`` (ms)."""
    by_campaign: dict[str, list[Impression]] = {}
    for impression in found:
        if impression.campaign in campaigns:
            by_campaign.setdefault(impression.campaign, []).append(impression)
    learned: dict[str, dict[str, SlotCounts]] = {}
    for name, mine in by_campaign.items():
        campaign = campaigns[name]
        window = CLICK_WINDOW_MS if campaign.reward == "click" else campaign.goal.window_ms
        arrived = reward_delays(mine, campaign.reward, window, now)
        full: dict[str, dict[str, Counts]] = {}
        for impression in mine:
            counts = full.setdefault(impression.slot, {}).setdefault(impression.context, {})
            counts[impression.variant] = counts.get(impression.variant, Arm()).plus(
                _counted(impression, campaign.reward, arrived, now), impression.weight
            )
        learned[name] = {slot: slot_counts(contexts) for slot, contexts in full.items()}
    return learned


def _counted(impression: Impression, reward: Reward, arrived: "RewardDelays", now: int) -> Arm:
    if impression.delay(reward) is None:
        if impression.dismissed and reward == "click":
            return Arm(1.0)
        return Arm(arrived.share(now - impression.ts))
    return Arm(1.0, 1.0, impression.value, impression.value**2)


class RewardDelays(NamedTuple):
    """How soon rewards come: their ``delays`` (ms, sorted), none when too few are known."""

    delays: Sequence[int]
    window: int

    def share(self, age: int) -> float:
        """Of the rewards that will come within the window, the part that has come by ``age`` (ms)."""
        if age >= self.window or len(self.delays) < DELAYS_WANTED:
            return 1.0
        return bisect_right(self.delays, age) / len(self.delays)


def reward_delays(found: Sequence[Impression], reward: Reward, window: int, now: int) -> RewardDelays:
    """The delays of impressions old enough to have all their rewards; of all, while those are too few."""
    most = max((impression.weight for impression in found), default=0.0)
    known = [
        impression for impression in found if impression.weight >= most / 2
    ]  # a crowd's haste is nobody's habit
    old = [impression for impression in known if now - impression.ts >= window]
    for source in (old, known):
        delays = [
            delay
            for impression in source
            if (delay := impression.delay(reward)) is not None and delay <= window
        ]
        if len(delays) >= DELAYS_WANTED:
            return RewardDelays(sorted(delays[-ENOUGH_DELAYS:]), window)
    return RewardDelays((), window)
