"""Affinity: the interest in a category. Each event adds a weight, which halves every HALF_LIFE_MS.

It is one exponentially decayed sum for each category, so that events may come in any order.
"""

import math
from collections.abc import Mapping
from typing import Any

from profiles.model import Affinity, ItemEvent, ItemTouch, Profile
from tracker.durations import DAY_MS

HALF_LIFE_MS = 14 * DAY_MS
CATEGORIES_KEPT = 24
WEIGHT_MOST = 1e6
NO_WEIGHT = 1e-9
"""Below it an interest is none: what is added and taken back leaves a rounding error."""

WEIGHTS: Mapping[ItemEvent, float] = {
    "view": 1.0,
    "add": 3.0,
    "purchase": 5.0,
    "remove": -1.0,
    "dismiss": -2.0,
    "list": 0.0,
}


def weight_at(affinity: Affinity, now: int) -> float:
    """The weight decayed to ``now`` (ms)."""
    return float(affinity.weight * 0.5 ** ((now - affinity.ts) / HALF_LIFE_MS))


def add(affinities: dict[str, Affinity], category: str, weight: float, ts: int) -> None:
    """Count ``weight`` at ``ts`` for ``category``, in place; of too many categories the weakest goes."""
    known = affinities.get(category)
    if known is None:
        affinities[category] = Affinity(weight, ts)
        trim(affinities)
    elif ts >= known.ts:
        affinities[category] = Affinity(weight_at(known, ts) + weight, ts)
    else:
        late = weight * 0.5 ** ((known.ts - ts) / HALF_LIFE_MS)
        affinities[category] = Affinity(known.weight + late, known.ts)


def add_touch(affinities: dict[str, Affinity], touch: ItemTouch, number: int) -> None:
    """Count a touch so many times, in place; a negative number takes it back, where its category is still known."""
    category = touch.category
    if not category or (number < 0 and category not in affinities):
        return
    add(affinities, category, WEIGHTS[touch.kind] * number, touch.ts)
    if number < 0 and abs(affinities[category].weight) < NO_WEIGHT:
        del affinities[category]


def correct(profile: Profile, interests: Mapping[str, Any], ts: int) -> None:
    """Set the interests that the customer states, in place: the weight of each category at ``ts`` (ms). A weight of 0
    removes the category and its earlier events. Other values are ignored."""
    for category, weight in list(interests.items())[:CATEGORIES_KEPT]:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            continue
        profile.affinities.pop(category, None)
        if weight > 0:
            profile.affinities[category] = Affinity(min(float(weight), WEIGHT_MOST), ts)
        else:
            profile.items = [each for each in profile.items if each.category != category or each.ts > ts]
        for touch in profile.items:
            if touch.category == category and touch.ts > ts:  # later events still count
                add(profile.affinities, category, WEIGHTS[touch.kind], touch.ts)
    trim(profile.affinities)


def trim(affinities: dict[str, Affinity]) -> None:
    """Keep the CATEGORIES_KEPT strongest, in place."""
    while len(affinities) > CATEGORIES_KEPT:
        latest = max(affinity.ts for affinity in affinities.values())
        del affinities[min(affinities, key=lambda name: (weight_at(affinities[name], latest), name))]
