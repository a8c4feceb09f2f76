"""One visitor as audiences ask about them, at one moment: what is costly is worked out once, when first asked."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from profiles.affinity import weight_at
from profiles.model import Profile, Stage
from profiles.stages import DEFAULT, Thresholds

DAY_MS = 86_400_000
VISIT_GAP_MS = 30 * 60_000
"""Without an event for so long, the last session counts as an earlier visit (DESIGN §6, the default)."""

Ring = dict[tuple[str, str], int]


class View:
    """A profile, the time in milliseconds, the site's timezone, and when a customer counts as lost.

    ``segments_of`` tells the segments as they are defined now; without it, those that the profile was saved with.
    """

    def __init__(
        self,
        profile: Profile,
        now: int,
        zone: ZoneInfo,
        thresholds: Thresholds = DEFAULT,
        segments_of: "Callable[[View], list[str]] | None" = None,
    ) -> None:
        self.profile, self.now, self.zone, self.thresholds = profile, now, zone, thresholds
        self._segments_of = segments_of

    @cached_property
    def local(self) -> datetime:
        return datetime.fromtimestamp(self.now / 1000, self.zone)

    @cached_property
    def segments(self) -> list[str]:
        return self._segments_of(self) if self._segments_of else self.profile.segments

    @cached_property
    def stage(self) -> Stage:
        """The stage of the last event, but that silence since then moves a customer on."""
        profile, last = self.profile, max(self.profile.last_seen, self.profile.last_order)
        away = (self.now - last) / DAY_MS if last else 0.0
        if profile.stage == "prospect" or away < self.thresholds.at_risk_days:
            return profile.stage
        return "lost" if away >= self.thresholds.lost_days else "at-risk"

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each category's part of the visitor's whole interest, decayed to now: 0 to 1."""
        weights = {name: weight_at(affinity, self.now) for name, affinity in self.profile.affinities.items()}
        total = sum(weight for weight in weights.values() if weight > 0)
        return {name: max(0.0, weight) / total for name, weight in weights.items()} if total else {}

    @cached_property
    def items(self) -> Ring:
        """(kind, item) → when it last happened: the profile keeps them oldest first."""
        return {(touch.kind, touch.item): touch.ts for touch in self.profile.items}

    @cached_property
    def categories(self) -> Ring:
        """(kind, category) → when it last happened."""
        return {(touch.kind, touch.category): touch.ts for touch in self.profile.items}

    @cached_property
    def last_visit(self) -> int | None:
        """The end of the visit before the one going on now."""
        for session in reversed(self.profile.sessions):
            if self.now - session.last >= VISIT_GAP_MS:
                return session.last
        return None
