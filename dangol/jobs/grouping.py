"""The groups of a site's customers: found once a week among some of their profiles, asked of all in every run."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from customers.groups.features import features, largest_interests, names_of
from customers.groups.groups import SAMPLE, Groups, find
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.durations import DAY_MS

DAYS_KEPT = 7
"""Groups are found anew after so many days: in between, the history of a customer's group tells of the customer."""
BATCH = 500


class StoredGroups(Protocol):
    """``customers.groups.store.GroupStore``."""

    def load(self, site: str) -> Groups | None: ...

    def save(self, site: str, groups: Groups) -> None: ...


class Grouping:
    def __init__(self, profiles: ProfileStore, store: StoredGroups | None) -> None:
        self._profiles, self._store = profiles, store

    def groups(self, site: str, ids: pa.Array, now: int) -> Groups:
        """The groups at ``now`` (ms) of the customers with these profile ids. Raises ProfilesUnavailable."""
        day = now // DAY_MS
        before = self._store.load(site) if self._store else None
        if before and 0 <= day - before.day < DAYS_KEPT:
            return before
        chance = np.random.default_rng(day)
        some = ids.take(pa.array(chance.permutation(len(ids))[:SAMPLE])).to_pylist()
        known: list[Profile] = []
        for start in range(0, len(some), BATCH):
            batch = some[start : start + BATCH]
            found = self._profiles.load(site, batch)
            known += [profile for name in batch if (profile := found[name].profile)]
        categories = largest_interests(known, now)
        values = np.array([features(profile, categories, now) for profile in known])
        groups = find(values, names_of(categories), categories, day, before)
        if self._store:
            self._store.save(site, groups)
        return groups


def group_of(groups: Groups, profiles: Sequence[Profile | None], now: int) -> NDArray[np.float64]:
    """(n,): the id of each one's group; NaN without groups, and without a profile."""
    nothing = [np.nan] * len(names_of(groups.categories))
    rows = [features(each, groups.categories, now) if each else nothing for each in profiles]
    known = np.array([each is not None for each in profiles], bool)
    return np.where(known, groups.of(np.array(rows)), np.nan) if rows else np.zeros(0)
