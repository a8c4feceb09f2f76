"""Scores onto profiles, many in one round trip."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from profiles.lifecycle import stage_of, thresholds_of
from profiles.model import Profile
from profiles.standing import SCORED_DAY, is_computed
from profiles.store.port import ProfileStore, Stored, Write
from tracker.sites import Site

DAYS_KEPT = 7
"""Scores that did not change are written again after so many days, for their day."""
DIGITS = 3
"""Of scores on profiles: money to a cent, risk to a thousandth; more would be written every day for nothing."""
TOGETHER = 500
"""Profiles of one round trip."""

GroupOf = Callable[[Sequence[Profile | None]], NDArray[np.float64]]


class Written(NamedTuple):
    """Of each profile (n,): its lifecycle stage and whether it refuses marketing, None of whom there is no profile; and
    its group."""

    stages: Sequence[str | None]
    refuses: Sequence[bool | None]
    groups: NDArray[np.float64]


class ScoreWriter:
    """``group_of``: the group of each of some profiles. ``written``: how many were written so far."""

    def __init__(self, profiles: ProfileStore, site: Site, now: int, group_of: GroupOf) -> None:
        self._group_of = group_of
        self._profiles, self._site, self._now = profiles, site.id, now
        self._thresholds = thresholds_of(site)
        self.written = 0

    def write(self, profiles: pa.Array, columns: Mapping[str, np.ndarray]) -> "Written":
        """The scores (n,) of ``profiles`` (n,) and their groups; what they had of ours before goes. NaN is no score."""
        stages: list[str | None] = []
        refuses: list[bool | None] = []
        groups = np.full(len(profiles), np.nan)
        for first in range(0, len(profiles), TOGETHER):
            some = slice(first, first + TOGETHER)
            ids = profiles[some].to_pylist()
            found = self._profiles.load(self._site, ids)
            known = [found[profile_id].profile for profile_id in ids]
            groups[some] = self._group_of(known)
            stages += [stage_of(each, self._now, self._thresholds) if each else None for each in known]
            refuses += [each.consent.get("marketing") is False if each else None for each in known]
            mine = _by_profile(
                {**{name: values[some] for name, values in columns.items()}, "group": groups[some]}
            )
            self._write(ids, found, mine)
        return Written(stages, refuses, groups)

    def _write(self, ids: list[str], found: Mapping[str, Stored], scores: Iterator[dict[str, float]]) -> None:
        wanted = {
            profile_id: mine
            for profile_id, mine in zip(ids, scores, strict=True)
            if (profile := found[profile_id].profile) and not _holds(profile.scores, mine)
        }
        saved = self._profiles.save(
            self._site,
            [
                Write(name, found[name].version, _scored(profile, mine))
                for name, mine in wanted.items()
                if (profile := found[name].profile)
            ],
        )
        self.written += len(saved)
        for profile_id in wanted.keys() - saved.keys():  # somebody else wrote it meanwhile
            self.written += self._update(profile_id, wanted[profile_id])

    def _update(self, profile_id: str, mine: Mapping[str, float]) -> bool:
        changed = self._profiles.update(self._site, profile_id, lambda profile: _scored(profile, mine))
        return changed is not None


def _by_profile(columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, float]]:
    """Rounded, so that not every profile is written every day; without what is not known."""
    rounded = (np.round(values, DIGITS).tolist() for values in columns.values())
    for row in zip(*rounded, strict=True):
        yield {name: value for name, value in zip(columns, row, strict=True) if not math.isnan(value)}


def _scored(profile: Profile, mine: Mapping[str, float]) -> Profile:
    others = {name: value for name, value in profile.scores.items() if not is_computed(name)}
    profile.scores = {**others, **mine}
    return profile


def _holds(known: Mapping[str, float], mine: Mapping[str, float]) -> bool:
    """Whether the profile has these scores and no other of ours, of a day that is not long ago."""
    had = {name: value for name, value in known.items() if is_computed(name) and name != SCORED_DAY}
    same = had == {name: value for name, value in mine.items() if name != SCORED_DAY}
    return same and 0 <= mine[SCORED_DAY] - known.get(SCORED_DAY, 0) < DAYS_KEPT
