"""Allocation: how often each variant is shown, and which of several equal campaigns comes first."""

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

ALLOCATION_SECONDS = 5.0
"""How long shares worked out from the counts are used."""
ALLOCATIONS_KEPT = 10_000

Value = TypeVar("Value")


class Allocation:
    """Shares and draws from the arms' counts. ``clock`` in seconds."""

    def __init__(self, arms: Arms, clock: Callable[[], float]) -> None:
        self._arms = arms
        self._shares: _TimedCache[_Split] = _TimedCache(clock)
        self._pools: _TimedCache[dict[str, Arm]] = _TimedCache(clock)

    def variants(self, site: str, candidate: CompiledCampaign, slot: str, context: str) -> list[float]:
        """The probability of each variant, in the order of the creatives; they sum to 1."""
        if len(candidate.creatives) == 1:
            return [1.0]
        reward = candidate.campaign.reward

        def split(known: _Split | None) -> _Split:
            arms = self._variant_arms(site, candidate, slot, context)
            if known is not None and known.arms == arms:
                return known
            return _Split(arms, with_exploration(best_probabilities(arms, reward)))

        return self._shares.get(
            (site, slot, context, candidate.id, reward, *candidate.creatives), split
        ).shares

    def order(
        self, site: str, equals: list[CompiledCampaign], slot: str, context: str, chance: random.Random
    ) -> list[CompiledCampaign]:
        """Campaigns that compete for one slot, in the order in which they are tried.

        Each campaign gets one draw from the counts of all its variants together. A small part of the orders is random,
        so that every campaign is tried."""
        known = self._pools.get((site, slot, context), lambda _: {})
        arms = [
            known.get(candidate.id) or self._pooled(known, site, candidate, slot, context)
            for candidate in equals
        ]
        if chance.random() < min(EXPLORATION * len(equals), 0.5):
            draws = [chance.random() for _ in equals]
        else:
            draws = posterior_draws(arms, equals[0].campaign.reward, chance)
        return [equals[at] for at in sorted(range(len(equals)), key=draws.__getitem__, reverse=True)]

    def _pooled(
        self, known: dict[str, Arm], site: str, candidate: CompiledCampaign, slot: str, context: str
    ) -> Arm:
        """The counts of all variants of a campaign together, cached in ``known``."""
        arms = self._variant_arms(site, candidate, slot, context)
        pooled = known[candidate.id] = Arm(*(sum(column) for column in zip(*arms, strict=True)))
        return pooled

    def _variant_arms(self, site: str, candidate: CompiledCampaign, slot: str, context: str) -> list[Arm]:
        counts = self._arms.arms(site, candidate.id, slot, context)
        return [counts.get(variant, Arm()) for variant in candidate.creatives]


class _Split(NamedTuple):
    arms: list[Arm]
    shares: list[float]


class _TimedCache(Generic[Value]):
    """A cache of values that are computed again, from the former value, after ALLOCATION_SECONDS."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, ...], tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...], make: Callable[[Value | None], Value]) -> Value:
        now = self._clock()
        known = self._known.get(key)
        if known is not None and 0 <= now - known[0] < ALLOCATION_SECONDS:
            return known[1]
        value = make(known[1] if known is not None else None)
        with self._lock:
            if len(self._known) >= ALLOCATIONS_KEPT:
                self._known.clear()
            self._known[key] = (now, value)
        return value
