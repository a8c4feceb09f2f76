"""One visitor as audiences ask about them, at one moment: what is costly is worked out once, when first asked."""

from datetime import datetime
from zoneinfo import ZoneInfo

from profiles.affinity import weight_at
from profiles.model import ItemTouch, Profile, Stage
from profiles.stages import DEFAULT, Thresholds

DAY_MS = 86_400_000
VISIT_GAP_MS = 30 * 60_000
"""Without an event for so long, the last session counts as an earlier visit (DESIGN §6, the default)."""

Ring = dict[tuple[str, str], int]


class View:
    """A profile, the time in milliseconds, the site's timezone, and when a customer counts as lost."""

    __slots__ = (
        "_categories",
        "_items",
        "_local",
        "_shares",
        "_stage",
        "now",
        "profile",
        "thresholds",
        "zone",
    )

    def __init__(self, profile: Profile, now: int, zone: ZoneInfo, thresholds: Thresholds = DEFAULT) -> None:
        self.profile, self.now, self.zone, self.thresholds = profile, now, zone, thresholds
        self._shares: dict[str, float] | None = None
        self._items: Ring | None = None
        self._categories: Ring | None = None
        self._local: datetime | None = None
        self._stage: Stage | None = None

    @property
    def local(self) -> datetime:
        if self._local is None:
            self._local = datetime.fromtimestamp(self.now / 1000, self.zone)
        return self._local

    @property
    def stage(self) -> Stage:
        """The stage of the last event, but that silence since then moves a customer on."""
        if self._stage is None:
            profile, last = self.profile, max(self.profile.last_seen, self.profile.last_order)
            away = (self.now - last) / DAY_MS if last else 0.0
            self._stage = profile.stage
            if profile.stage != "prospect" and away >= self.thresholds.at_risk_days:
                self._stage = "lost" if away >= self.thresholds.lost_days else "at-risk"
        return self._stage

    @property
    def shares(self) -> dict[str, float]:
        """Each category's part of the visitor's whole interest, decayed to now: 0 to 1."""
        if self._shares is None:
            weights = {
                category: weight_at(affinity, self.now)
                for category, affinity in self.profile.affinities.items()
            }
            total = sum(weight for weight in weights.values() if weight > 0)
            self._shares = (
                {name: max(0.0, weight) / total for name, weight in weights.items()} if total else {}
            )
        return self._shares

    @property
    def items(self) -> Ring:
        """(kind, item) → when it last happened."""
        if self._items is None:
            self._items = {(touch.kind, touch.item): touch.ts for touch in _by_time(self.profile)}
        return self._items

    @property
    def categories(self) -> Ring:
        """(kind, category) → when it last happened."""
        if self._categories is None:
            self._categories = {(touch.kind, touch.category): touch.ts for touch in _by_time(self.profile)}
        return self._categories

    @property
    def last_visit(self) -> int | None:
        """The end of the visit before the one going on now."""
        for session in reversed(self.profile.sessions):
            if self.now - session.last >= VISIT_GAP_MS:
                return session.last
        return None


def _by_time(profile: Profile) -> list[ItemTouch]:
    return sorted(profile.items, key=lambda touch: touch.ts)
