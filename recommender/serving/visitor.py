"""The visitor of one request: what they like, as the live profile says at this moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from profiles.consent.rules import allows
from profiles.model import ItemEvent, ItemTouch, Profile
from profiles.session_rules import SessionRules, going_on
from recommender.data.params import Params
from tracker.durations import DAY_MS

CHOSEN = ("view", "add", "purchase")
AFFINITY_DAYS = 14.0  # half-life of interest in a category that no item of the profile shows


@dataclass(frozen=True, slots=True)
class LikedItem:
    """An item that the visitor likes, and the strongest thing they did with it."""

    item: str
    weight: float
    kind: ItemEvent
    category: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """``liked`` is newest first, ``session`` oldest first; ``affinities`` are the profile's interest by category."""

    now: int
    page: str | None = None
    liked: tuple[LikedItem, ...] = ()
    session: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()
    bought: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # item → times, oldest first
    dismissed: frozenset[str] = frozenset()
    cart: tuple[str, ...] = ()
    affinities: Mapping[str, float] = field(default_factory=dict)

    @property
    def last(self) -> str | None:
        """The item on the page, else the one that the visitor interacted with last."""
        return self.page or (self.session[-1] if self.session else self.liked[0].item if self.liked else None)


def visitor_of_profile(
    profile: Profile | None, page_item: str | None, params: Params, now: int, rules: SessionRules
) -> Visitor:
    """The visitor as of ``now`` (ms); the item on the page counts as looked at, whether or not its event arrived.

    Without consent to personalization only the page itself speaks.
    """
    if profile is None or not allows(profile.consent, "personalization"):
        return visitor_of_touches([], page_item, params, now)
    current = going_on(profile, now, rules)
    start = min((session.start for session in current), default=now if profile.sessions else 0)
    visitor = visitor_of_touches(profile.items, page_item, params, now, start)
    return replace(visitor, cart=tuple(profile.cart), affinities=_faded(profile, now))


def visitor_of_touches(
    touches: Iterable[ItemTouch], page_item: str | None, params: Params, now: int, session_start: int = 0
) -> Visitor:
    """The visitor who did ``touches``, oldest first."""
    done = [touch for touch in touches if touch.kind != "list"]
    if page_item and not (done and done[-1].item == page_item and done[-1].kind != "dismiss"):
        category = next((touch.category for touch in reversed(done) if touch.item == page_item), "")
        done.append(ItemTouch(item=page_item, kind="view", ts=now, category=category))
    last_word: dict[str, ItemEvent] = {}
    bought: dict[str, tuple[int, ...]] = {}
    session: list[str] = []
    for touch in done:
        item, kind = touch.item, touch.kind
        last_word[item] = kind
        if kind == "purchase":
            bought[item] = (*bought.get(item, ()), touch.ts)
        if touch.ts >= session_start and kind in CHOSEN:
            session.append(item)
    return Visitor(
        now=now,
        page=page_item,
        liked=_liked(done, params, now),
        session=tuple(session),
        seen=frozenset(last_word),
        bought=bought,
        dismissed=frozenset(item for item, kind in last_word.items() if kind == "dismiss"),
    )


def _liked(done: list[ItemTouch], params: Params, now: int) -> tuple[LikedItem, ...]:
    """Weight of each item, newest first: what was done, how long ago, and how much was done since."""
    weight: dict[str, float] = {}
    strongest: dict[str, ItemTouch] = {}
    most: dict[str, float] = {}
    worth: dict[str, float] = msgspec.structs.asdict(params.weights)
    per_click, per_ms = 1 / params.click_half_life, 1 / (params.half_life_days * DAY_MS)
    for after, touch in enumerate(done[: -3 * params.taste_items - 1 : -1]):
        item, value, age = touch.item, worth[touch.kind], now - touch.ts
        faded = value * 0.5 ** (after * per_click + (age * per_ms if age > 0 else 0.0))
        if item in weight:
            weight[item] += faded
            if value <= most[item]:
                continue
        else:
            weight[item] = faded
        strongest[item], most[item] = touch, value
    kept = [item for item, value in weight.items() if value > 0][: params.taste_items]
    return tuple(LikedItem(i, weight[i], strongest[i].kind, strongest[i].category) for i in kept)


def _faded(profile: Profile, now: int) -> dict[str, float]:
    return {
        category: affinity.weight * 0.5 ** (max(now - affinity.ts, 0) / (AFFINITY_DAYS * DAY_MS))
        for category, affinity in profile.affinities.items()
        if category and affinity.weight > 0
    }
