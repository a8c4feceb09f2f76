"""What groups are made of: numbers of a profile that an audience can ask for, as it asks for them."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from profiles.fold.affinity import weight_at
from profiles.model import Profile
from tracker.durations import DAY_MS

CATEGORIES = 6
"""Interests that are looked at: the largest of the site."""

COUNTS: Mapping[str, Callable[[Profile], float]] = {
    "orders": lambda profile: profile.counts.orders,
    "revenue": lambda profile: profile.counts.revenue,
    "visits": lambda profile: profile.counts.visits,
    "views": lambda profile: profile.counts.views,
    "adds": lambda profile: profile.counts.adds,
    "offer_clicks": lambda profile: profile.counts.offer_clicks,
}
WHOLE = frozenset(COUNTS) - {"revenue"}
DAYS: Mapping[str, Callable[[Profile], int]] = {
    "days_since_order": lambda profile: profile.last_order,
    "days_since_first_visit": lambda profile: profile.first_seen,
}
"""The moment (ms) since when; 0: never."""


def largest_interests(profiles: Iterable[Profile], now: int) -> tuple[str, ...]:
    """The categories with the most interest, each person's counted as one; those of few people are left out."""
    total, people, count = Counter[str](), Counter[str](), 0
    for profile in profiles:
        count += 1
        shares = interests(profile, now)
        total.update(shares)
        people.update(shares.keys())
    common = {name: share for name, share in total.items() if people[name] >= max(20, count / 50)}
    return tuple(sorted(common, key=lambda name: (-common[name], name))[:CATEGORIES])


def names_of(categories: Sequence[str]) -> tuple[str, ...]:
    """The features, as an audience writes them."""
    quoted = (name.replace("'", "''") for name in categories)
    return (*COUNTS, *DAYS, *(f"affinity('{name}')" for name in quoted))


def features(profile: Profile, categories: Sequence[str], now: int) -> list[float]:
    """The numbers of one profile, in the order of ``names_of``; NaN for days since what never was."""
    found = [float(count(profile)) for count in COUNTS.values()]
    found += [(now - since) / DAY_MS if (since := last(profile)) else math.nan for last in DAYS.values()]
    if categories:
        shares = interests(profile, now)
        found += [shares.get(name, 0.0) for name in categories]
    return found


def interests(profile: Profile, now: int) -> dict[str, float]:
    """Each category's part of the whole interest at ``now`` (ms), as ``affinity('…')`` tells it."""
    weights = {name: weight_at(one, now) for name, one in profile.affinities.items()}
    whole = math.fsum(each for each in weights.values() if each > 0)
    return {name: weight / whole for name, weight in weights.items() if weight > 0} if whole > 0 else {}


def is_share(name: str) -> bool:
    return name.startswith("affinity(")
