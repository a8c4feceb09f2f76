"""Counts for the bandit from impressions whose rewards may still come.

An impression of a minute ago without a click is not yet a failure. It counts as the share of rewards that have come
by that age, among those that came at all (Chapelle 2014, with the empirical distribution of delays). A visitor who
dismissed an offer has responded: where the reward is a click, that is a whole failure at once. It is not more than one
failure, because a banner that few dismiss and few click is not better than one that many click.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from offers.bandit.changes import Floats, Longs, Played, first_valid
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
LARGEST = 0.95
"""The share of orders whose revenue is taken as it is when changes are looked for."""


def count_rewards(
    found: Iterable[Impression], campaigns: Mapping[str, Campaign], now: int
) -> dict[str, dict[str, SlotCounts]]:
    """Counts of every campaign by slot, as of ``now`` (ms), of what came after the last change (``changes``)."""
    by_campaign: dict[str, list[Impression]] = {}
    for impression in found:
        if impression.campaign in campaigns:
            by_campaign.setdefault(impression.campaign, []).append(impression)
    learned: dict[str, dict[str, SlotCounts]] = {}
    for name, mine in by_campaign.items():
        campaign = campaigns[name]
        window = CLICK_WINDOW_MS if campaign.reward == "click" else campaign.goal.window_ms
        arrived = reward_delays(mine, campaign.reward, window, now)
        by_slot: dict[str, list[Impression]] = {}
        for impression in mine:
            by_slot.setdefault(impression.slot, []).append(impression)
        learned[name] = {
            slot: _slot_counts(sorted(shown, key=_order), campaign.reward, arrived, now)
            for slot, shown in by_slot.items()
        }
    return learned


def _slot_counts(
    shown: Sequence[Impression], reward: Reward, arrived: "RewardDelays", now: int
) -> SlotCounts:
    """Counts of one slot since the last change, from its impressions in order of time."""
    counted = [_counted(each, reward, arrived, now) for each in shown]
    arms = np.array(counted, float) * np.array([each.weight for each in shown])[:, None]
    variants, variant = _codes([each.variant for each in shown])
    contexts, context = _codes([each.context for each in shown])
    first = first_valid(Played(variant, context, arms[:, 0], _units(arms, reward)))
    cell = context[first:] * len(variants) + variant[first:]
    cells = len(contexts) * len(variants)
    sums = np.stack([np.bincount(cell, column, cells) for column in arms[first:].T], axis=1).tolist()
    full: dict[str, Counts] = {}
    for at in np.unique(cell).tolist():
        where, which = divmod(at, len(variants))
        full.setdefault(contexts[where], {})[variants[which]] = Arm(*sums[at])
    counts = slot_counts(full)
    return msgspec.structs.replace(counts, since=shown[first].ts if first else 0)


def _order(impression: Impression) -> tuple[int, str, str]:
    return impression.ts, impression.variant, impression.context


def _codes(names: Sequence[str]) -> tuple[list[str], Longs]:
    """The distinct names, and which of them each one is."""
    codes = {name: code for code, name in enumerate(sorted(set(names)))}
    return list(codes), np.array([codes[name] for name in names], np.int64)


def _units(arms: Floats, reward: Reward) -> Floats:
    """Rewards in units whose variance is their mean: of revenue not the few largest orders, in units of the mean square
    over the mean."""
    rewarded = arms[:, 1]
    if reward != "revenue" or not (arms[:, 2] > 0).any():
        return rewarded
    worth = np.maximum(arms[:, 2], 0.0)
    worth = np.minimum(worth, np.quantile(worth[worth > 0], LARGEST))
    units: Floats = worth * worth.sum() / (worth**2).sum()
    return units


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
