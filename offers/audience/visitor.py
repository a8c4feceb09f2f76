"""One visitor as audiences ask about them, at one moment: what is costly is worked out once, when first asked."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from profiles.fold.affinity import WEIGHTS, weight_at
from profiles.fold.event_counts import OTHERS
from profiles.lifecycle import stage_of, thresholds_of
from profiles.model import Affinity, EventCount, ItemEvent, Profile, Session, Stage
from profiles.session_rules import going_on, rules_of
from profiles.standing import cell_of, quadrant_of
from profiles.store.lookup import ProfileState
from tracker.durations import DAY_MS
from tracker.sites import Site

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TYPES: dict[str, tuple[type, ...]] = {"number": (int, float), "text": (str,), "flag": (bool,)}


class View:
    """A profile, the time in milliseconds, and the site.

    ``campaign_key``: the campaign or click id that brings the visitor now, "" for none.
    ``segments_of`` tells the segments as they are defined now; without it there are none.
    """

    def __init__(
        self,
        profile: Profile,
        now: int,
        site: Site,
        segments_of: "Callable[[View], list[str]] | None" = None,
        campaign_key: str = "",
    ) -> None:
        self.profile, self.now, self.site = profile, now, site
        self.campaign_key = campaign_key
        self._segments_of = segments_of
        self._rings: dict[tuple[str, str], dict[str, int]] = {}

    @cached_property
    def local(self) -> datetime:
        return datetime.fromtimestamp(self.now / 1000, self.site.zone)

    @cached_property
    def segments(self) -> list[str]:
        return self._segments_of(self) if self._segments_of else []

    @cached_property
    def stage(self) -> Stage:
        return stage_of(self.profile, self.now, thresholds_of(self.site))

    @property
    def state(self) -> ProfileState:
        """What the profile's document says of this moment."""
        return ProfileState(self.stage, self.segments, self.profile.consent)

    @property
    def rfm(self) -> str:
        return cell_of(self.profile.scores) or ""

    @property
    def quadrant(self) -> str:
        return quadrant_of(self.profile.scores) or ""

    @cached_property
    def weekday(self) -> str:
        return WEEKDAYS[self.local.weekday()]

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each category's part of the visitor's whole interest, decayed to now, where there is any: up to 1."""
        now = self.now
        return _shares({name: weight_at(one, now) for name, one in self.profile.affinities.items()})

    @cached_property
    def item_shares(self) -> dict[str, float]:
        """The same of products, by what was done with them: among the recent items that a profile keeps."""
        weights: dict[str, float] = {}
        for touch in self.profile.items:
            weight = weight_at(Affinity(WEIGHTS[touch.kind], touch.ts), self.now)
            weights[touch.item] = weights.get(touch.item, 0.0) + weight
        return _shares(weights)

    @cached_property
    def cart_value(self) -> float:
        return sum(line.quantity * line.price for line in self.profile.cart.values())

    @cached_property
    def cart_items(self) -> float:
        return sum(line.quantity for line in self.profile.cart.values())

    @cached_property
    def days_since_last_visit(self) -> float | None:
        return self._days(self.last_visit)

    @cached_property
    def days_since_first_visit(self) -> float | None:
        return self._days(self.profile.first_seen)

    @cached_property
    def days_since_order(self) -> float | None:
        return self._days(self.profile.last_order)

    @cached_property
    def new(self) -> bool:
        return self.profile.counts.visits <= 1

    @cached_property
    def returning(self) -> bool:
        return not self.new

    @cached_property
    def known(self) -> bool:
        return self.profile.user is not None

    @cached_property
    def event_counts(self) -> dict[str, EventCount]:
        """How often and when last, by the event's name in lower case."""
        found: dict[str, EventCount] = {}
        for name, one in self.profile.event_counts.items():
            same = found.get(name.lower())
            found[name.lower()] = (
                EventCount(same.count + one.count, max(same.last, one.last)) if same else one
            )
        return found

    def count(self, event: str) -> int | None:
        """How often; None of a name that the profile may have had no room for."""
        one = self.event_counts.get(event)
        return one.count if one else None if OTHERS in self.event_counts else 0

    def days_since(self, event: str) -> float | None:
        one = self.event_counts.get(event)
        return self._days(one.last) if one else None

    def happened(self, kind: ItemEvent, what: Literal["item", "category"], name: str, within: float) -> bool:
        """Whether, at most ``within`` ms ago: among the recent items that a profile keeps."""
        ring = self._rings.get((kind, what))
        if ring is None:  # oldest first: the newest stays
            mine = [touch for touch in self.profile.items if touch.kind == kind]
            ring = {t.item: t.ts for t in mine} if what == "item" else {t.category: t.ts for t in mine}
            self._rings[kind, what] = ring
        ts = ring.get(name)
        return ts is not None and self.now - ts <= within

    def trait(self, name: str, kind: str) -> Any:
        """The trait, None where it is of another type."""
        value = self.profile.traits.get(name)
        return value if type(value) in TYPES[kind] else None

    def shown(self, campaign: str) -> int:
        exposure = self.profile.exposure.get(campaign)
        return exposure.views if exposure else 0

    def clicked(self, campaign: str) -> int:
        exposure = self.profile.exposure.get(campaign)
        return exposure.clicks if exposure else 0

    @cached_property
    def last_visit(self) -> int | None:
        """The end of the visit before the one going on now."""
        current = {session.id for session in self.sessions}
        earlier = (each for each in reversed(self.profile.sessions) if each.id not in current)
        return next((session.last for session in earlier), None)

    @cached_property
    def sessions(self) -> list[Session]:
        """The sessions going on now, by the site's settings."""
        return going_on(self.profile, self.now, rules_of(self.site), self.campaign_key)

    def _days(self, ts: int | None) -> float | None:
        return (self.now - ts) / DAY_MS if ts else None


def _shares(weights: dict[str, float]) -> dict[str, float]:
    """Each one's part of all positive weights."""
    liked = {name: weight for name, weight in weights.items() if weight > 0}
    total = sum(liked.values())
    return {name: weight / total for name, weight in liked.items()}
