"""An audience before anybody is addressed: its size, some of its members, and why one visitor is not in it."""

import random
import time
from dataclasses import dataclass
from typing import Any

from offers.audience.audience import Audience, Verdict
from offers.audience.grammar import AudienceInvalid
from offers.audience.preview import Explanation, explanation, preview
from offers.audience.visitor import View
from offers.segments.views import Views
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.sites import Site
from web.http.problem import Problem
from web.people.lookup import find

TOTAL_SECONDS = 60.0
"""How long the number of all visitors is remembered: counting a million takes seconds."""


@dataclass(frozen=True, slots=True)
class Size:
    """``size`` of ``total`` visitors belong; not ``exact``: estimated from those looked at. ``sample``: ids."""

    size: int
    total: int
    exact: bool
    sample: list[str]


@dataclass(frozen=True, slots=True)
class Clause:
    """What one clause said of a visitor; ``value`` is what is known of them."""

    clause: str
    matched: bool
    value: Any


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether the profile ``id`` belongs, clause by clause."""

    id: str
    matched: bool
    clauses: tuple[Clause, ...]
    failed: tuple[Clause, ...]


class Audiences:
    """The size of an audience, a sample of its members, and why one visitor belongs or not."""

    def __init__(self, profiles: ProfileStore, views: Views) -> None:
        self._profiles, self._views = profiles, views
        self._totals: dict[str, tuple[float, int]] = {}

    def size(self, site: Site, audience: Audience, chance: random.Random | None = None) -> Size:
        """Raises ProfilesUnavailable."""
        view = self._views.of(site)
        found = preview(audience, map(view, self._profiles.people(site.id)), chance)
        total = found.seen if found.complete else max(found.seen, self._total(site.id))
        return Size(found.of(total), total, found.complete, found.sample)

    def explain(self, site: Site, audience: Audience, who: str) -> tuple[Profile, Explanation]:
        """Raises Problem 404 naming the field when nobody is known by that id."""
        profile = find(self._profiles, site.id, who)
        if profile is None:
            raise Problem(404, f"Nobody is known by {who[:100]!r}", "visitor")
        return profile, explanation(audience, self._views.of(site)(profile))

    def explained(self, site: Site, source: str, who: str) -> Explained:
        """Raises Problem 400 for an audience that cannot be read, 404 as ``explain``."""
        profile, why = self.explain(site, parsed(source), who)
        clauses, failed = (tuple(map(_clause, each)) for each in (why.clauses, why.failed))
        return Explained(profile.id, why.matched, clauses, failed)

    def view(self, site: Site, profile: Profile) -> View:
        return self._views.of(site)(profile)

    def _total(self, site: str) -> int:
        until, total = self._totals.get(site, (0.0, 0))
        if time.monotonic() >= until:
            total = self._profiles.count(site)
            self._totals[site] = (time.monotonic() + TOTAL_SECONDS, total)
        return total


def parsed(source: str) -> Audience:
    """Raises Problem 400 that says what is wrong and where."""
    try:
        return Audience.parse(source)
    except AudienceInvalid as error:
        raise Problem(400, str(error), "audience") from error


def _clause(verdict: Verdict) -> Clause:
    return Clause(verdict.clause, verdict.matched, verdict.value)
