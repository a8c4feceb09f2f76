"""One visitor as audiences ask about them, at one moment: what is costly is worked out once, when first asked."""

from datetime import datetime
from zoneinfo import ZoneInfo

from profiles.model import ItemTouch, Profile

DAY_MS = 86_400_000
VISIT_GAP_MS = 30 * 60_000
"""Without an event for so long, the last session counts as an earlier visit (DESIGN §6, the default)."""
AFFINITY_HALF_LIFE_MS = 14 * DAY_MS

Ring = dict[tuple[str, str], int]


class View:
    """A profile, the time in milliseconds and the site's timezone."""

    __slots__ = ("_categories", "_items", "_local", "_shares", "now", "profile", "zone")

    def __init__(self, profile: Profile, now: int, zone: ZoneInfo) -> None:
        self.profile, self.now, self.zone = profile, now, zone
        self._shares: dict[str, float] | None = None
        self._items: Ring | None = None
        self._categories: Ring | None = None
        self._local: datetime | None = None

    @property
    def local(self) -> datetime:
        if self._local is None:
            self._local = datetime.fromtimestamp(self.now / 1000, self.zone)
        return self._local

    @property
    def shares(self) -> dict[str, float]:
        """Each category's part of the visitor's whole interest, decayed to now: 0 to 1."""
        if self._shares is None:
            weights = {
                category: affinity.weight * 0.5 ** ((self.now - affinity.ts) / AFFINITY_HALF_LIFE_MS)
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
