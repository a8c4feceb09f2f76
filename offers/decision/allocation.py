"""How often each variant is played and which campaign comes first: what was learned, remembered for some seconds."""

import random
import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from offers.bandit.thompson_sampling import (
    EXPLORATION,
    Arm,
    Arms,
    best_probabilities,
    posterior_draws,
    with_exploration,
)
from offers.campaign.compiled_campaign import CompiledCampaign

SHARES_SECONDS = 5.0
"""How long what was worked out from the counts is used."""
SHARES_KEPT = 10_000

Value = TypeVar("Value")


class Allocation:
    """What the arms' counts mean for a decision. ``clock`` in seconds."""

    def __init__(self, arms: Arms, clock: Callable[[], float]) -> None:
        self._arms = arms
        self._shares: _Remembered[_Split] = _Remembered(clock)
        self._pools: _Remembered[dict[str, Arm]] = _Remembered(clock)

    def variants(self, site: str, ready: CompiledCampaign, slot: str, context: str) -> list[float]:
        """How likely each variant is to be played, in the order of the creatives; they sum to 1."""
        if len(ready.creatives) == 1:
            return [1.0]
        reward = ready.campaign.reward

        def split(known: _Split | None) -> _Split:
            arms = self._variant_arms(site, ready, slot, context)
            if known is not None and known.arms == arms:
                return known
            return _Split(arms, with_exploration(best_probabilities(arms, reward)))

        return self._shares.get((site, slot, context, ready.id, reward, *ready.creatives), split).shares

    def order(
        self, site: str, equals: list[CompiledCampaign], slot: str, context: str, chance: random.Random
    ) -> list[CompiledCampaign]:
        """Campaigns that compete for one slot, the first one to be shown: one draw for each, all its variants taken
        together; now and then at random, so that each is tried."""
        known = self._pools.get((site, slot, context), lambda _: {})
        arms = [known.get(ready.id) or self._pooled(known, site, ready, slot, context) for ready in equals]
        if chance.random() < min(EXPLORATION * len(equals), 0.5):
            draws = [chance.random() for _ in equals]
        else:
            draws = posterior_draws(arms, equals[0].campaign.reward, chance)
        return [equals[at] for at in sorted(range(len(equals)), key=draws.__getitem__, reverse=True)]

    def _pooled(
        self, known: dict[str, Arm], site: str, ready: CompiledCampaign, slot: str, context: str
    ) -> Arm:
        """All variants of a campaign in one, to be ``known`` from now on."""
        arms = self._variant_arms(site, ready, slot, context)
        pooled = known[ready.id] = Arm(*(sum(column) for column in zip(*arms, strict=True)))
        return pooled

    def _variant_arms(self, site: str, ready: CompiledCampaign, slot: str, context: str) -> list[Arm]:
        counts = self._arms.arms(site, ready.id, slot, context)
        return [counts.get(variant, Arm()) for variant in ready.creatives]


class _Split(NamedTuple):
    arms: list[Arm]
    shares: list[float]


class _Remembered(Generic[Value]):
    """Values that are made anew every SHARES_SECONDS, from the former one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, ...], tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...], make: Callable[[Value | None], Value]) -> Value:
        now = self._clock()
        known = self._known.get(key)
        if known is not None and 0 <= now - known[0] < SHARES_SECONDS:
            return known[1]
        value = make(known[1] if known is not None else None)
        with self._lock:
            if len(self._known) >= SHARES_KEPT:
                self._known.clear()
            self._known[key] = (now, value)
        return value
