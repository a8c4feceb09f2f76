"""How often each arm is played: worked out from what was learned, and remembered for a few seconds."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from offers.bandit import Arm, Arms, Reward, best_of, explored
from offers.eligibility import Ready

SHARES_SECONDS = 5.0
"""How long the probabilities that were worked out from the counts are used."""
SHARES_KEPT = 10_000


class Shares:
    """How often each arm is played, worked out from the counts at most every SHARES_SECONDS."""

    def __init__(self, arms: Arms, clock: Callable[[], float]) -> None:
        self._arms, self._clock = arms, clock
        self._known: dict[tuple[str, ...], _Known] = {}
        self._lock = threading.Lock()

    def variants(self, site: str, ready: Ready, slot: str, context: str) -> list[float]:
        """In the order of the creatives; they sum to 1."""
        if len(ready.creatives) == 1:
            return [1.0]
        key = (site, slot, context, ready.campaign.id, *ready.creatives)
        return self._remembered(
            key, ready.campaign.reward, lambda: self._variant_arms(site, ready, slot, context)
        )

    def campaigns(self, site: str, equals: list[Ready], slot: str, context: str) -> list[float]:
        """In the order of ``equals``: each campaign as one arm."""
        key = (site, slot, context, "", *(ready.campaign.id for ready in equals))
        return self._remembered(
            key,
            equals[0].campaign.reward,
            lambda: [_pooled(self._variant_arms(site, ready, slot, context)) for ready in equals],
        )

    def _variant_arms(self, site: str, ready: Ready, slot: str, context: str) -> list[Arm]:
        counts = self._arms.arms(site, ready.campaign.id, slot, context)
        return [counts.get(variant, Arm()) for variant in ready.creatives]

    def _remembered(self, key: tuple[str, ...], reward: Reward, read: Callable[[], list[Arm]]) -> list[float]:
        now = self._clock()
        known = self._known.get(key)
        if known and 0 <= now - known.read < SHARES_SECONDS:
            return known.shares
        arms = read()
        shares = known.shares if known and known.arms == arms else explored(best_of(arms, reward))
        with self._lock:
            if len(self._known) >= SHARES_KEPT:
                self._known.clear()
            self._known[key] = _Known(now, arms, shares)
        return shares


class _Known(NamedTuple):
    read: float
    arms: list[Arm]
    shares: list[float]


def _pooled(arms: list[Arm]) -> Arm:
    return Arm(*(sum(column) for column in zip(*arms, strict=True)))
