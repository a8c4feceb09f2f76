"""The fold: the only place where an event changes a profile.

``fold`` is pure. ``apply`` does the same in place on a profile that the caller owns, which is what ingest
can afford. Both count a message of the log at most once, however often it is read and in whatever order
events arrive.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from profiles import affinity, codec, dedup, sessions
from profiles.facts import Facts
from profiles.identity import recency
from profiles.model import (
    ITEMS_KEPT,
    VISITORS_KEPT,
    CartLine,
    Exposure,
    ItemEvent,
    ItemTouch,
    Profile,
    Purpose,
    Session,
    Touch,
)
from profiles.sessions import Hit, Placed, Rules, locate, owner_of, place, session_id
from profiles.stages import Thresholds, stage_of
from tracker.event import Event

POSITIONS_KEPT = 32
CART_KEPT = 50
CAMPAIGNS_KEPT = 64
RENAMED_KEPT, RENAMED_ALWAYS = 64, 4
TRAITS_KEPT = 60
TRAIT_BYTES = 512
LINES_NOTED = 12  # of a list or an order, so that one page does not fill the ring

Verdict = Literal["applied", "duplicate", "replayed"]


class Place(NamedTuple):
    """Where in the log a message stands: ``key`` is its visitor or user id, ``partition`` names log and partition."""

    key: str
    partition: int
    position: int


class Settings(msgspec.Struct, frozen=True):
    """What of a site's settings the fold depends on."""

    sessions: Rules = Rules()
    stages: Thresholds = Thresholds()


class Outcome(NamedTuple):
    """What became of an event.

    ``session`` is "" where it belongs to none; ``touch`` is then the visitor's last. ``retired`` sessions are
    now part of others.
    """

    verdict: Verdict
    session: str = ""
    touch: Touch = Touch()
    retired: tuple[tuple[str, str], ...] = ()


ITEM_EVENTS: Mapping[str, ItemEvent] = {
    "Product Viewed": "view",
    "Product Clicked": "view",
    "Product Added": "add",
    "Product Added to Wishlist": "add",
    "Product Removed": "remove",
    "Product Removed from Wishlist": "remove",
    "Order Completed": "purchase",
    "Product Dismissed": "dismiss",
    "Product List Viewed": "list",
}
COMMUNITY = frozenset(
    {
        "Product Reviewed",
        "Product Shared",
        "Cart Shared",
        "Wishlist Shared",
        "Review Submitted",
        "Comment Added",
        "Question Asked",
        "Question Answered",
    }
)
PURPOSES: tuple[Purpose, ...] = ("analytics", "personalization", "marketing")


def fold(
    profile: Profile, event: Event, facts: Facts, settings: Settings, at: Place
) -> tuple[Profile, Outcome]:
    """The profile after ``event``, and what became of the event. ``profile`` stays as it is."""
    changed = codec.copy(profile)
    return changed, apply(changed, event, facts, settings, at)


def apply(profile: Profile, event: Event, facts: Facts, settings: Settings, at: Place) -> Outcome:
    """``fold`` in place: ``profile`` is the caller's own."""
    verdict = _verdict(profile, event, at)
    if verdict == "applied":
        return _apply(profile, event, facts, settings)
    return Outcome(verdict) if verdict == "duplicate" else _replay(profile, event, facts, settings.sessions)


def replayed(profile: Profile, at: Place) -> bool:
    """Whether the message was applied before, whether counted or found to be a retry."""
    known = profile.positions.get(at.key)
    return known is not None and known[0] == at.partition and at.position <= known[1]


def counted(profile: Profile, event: Event) -> bool:
    """Whether an event of this id was counted in this profile."""
    return dedup.find(profile.seen, dedup.digest(event.id)) is not None


def makes_session(event: Event) -> bool:
    """Whether the event is part of a visit. A server's call about a customer (an order paid, a trait) is none."""
    if event.type == "track":
        return event.visitor is not None or event.source != "segment"
    return event.type == "page" or event.type == "screen"


def trim(profile: Profile) -> None:
    """Forget, in place, what no event and no replay needs any more. The session of the last event is kept."""
    dedup.trim(profile.seen)
    # Another worker may still have to tell the warehouse of the newest.
    profile.renamed = profile.renamed[-RENAMED_ALWAYS:]
    profile.sessions = sessions.trim(profile.sessions, profile.last_seen, profile.cursor)


def _verdict(profile: Profile, event: Event, at: Place) -> Verdict:
    entry_id = dedup.digest(event.id)
    found = dedup.find(profile.seen, entry_id)
    stamp = dedup.stamp(at.partition, at.position)
    if replayed(profile, at):
        # An id that was forgotten since belongs to the message that brought it first, most likely this one.
        return "replayed" if found is None or found == stamp else "duplicate"
    positions = profile.positions
    positions.pop(at.key, None)
    positions[at.key] = (at.partition, at.position)
    if len(positions) > POSITIONS_KEPT:
        del positions[next(iter(positions))]
    if found is not None:
        return "duplicate"
    dedup.remember(profile.seen, entry_id + stamp, event.received)
    return "applied"


def _replay(profile: Profile, event: Event, facts: Facts, rules: Rules) -> Outcome:
    """What became of the event the first time, found in the profile as it is now."""
    owner, retired = _owner(event), tuple(profile.renamed)
    if not makes_session(event):
        return Outcome("replayed", "", profile.last_touch, retired)
    name = session_id(owner, event.ts)
    if facts.session_hint:
        name = sessions.hinted_id(owner, facts.session_hint)
        session = next((known for known in profile.sessions if known.id == name), None)
    else:
        session = locate(profile.sessions, owner, event.ts, rules)
    if session is None:
        return Outcome("replayed", name, facts.touch or Touch(), retired)
    return Outcome("replayed", session.id, session.touch, retired)


def _apply(profile: Profile, event: Event, facts: Facts, settings: Settings) -> Outcome:
    _recognise(profile, event, facts)
    counts = profile.counts
    counts.events += 1
    retired: tuple[tuple[str, str], ...] = ()
    session: Session | None = None
    if makes_session(event):
        placed = _sessionize(profile, event, facts, settings.sessions)
        session, retired = placed.session, placed.retired
        counts.visits += placed.started
        if retired:
            profile.renamed = [*profile.renamed, *retired][-RENAMED_KEPT:]
        profile.cursor = session.id
    if event.type == "page" or event.type == "screen":
        counts.pageviews += 1
    elif event.type == "track":
        _track(profile, event, facts)
    elif event.type == "consent":
        _consent(profile, event.props)
    elif event.type == "group":
        # The call's traits are the group's: a company's name is not the visitor's.
        _learn(profile, {"groupId": event.props.get("groupId") or event.context.get("groupId")})
    elif event.type == "identify":
        _learn(profile, event.traits)
    profile.stage = stage_of(profile, profile.last_seen, settings.stages)
    if session is None:
        return Outcome("applied", "", profile.last_touch)
    return Outcome("applied", session.id, session.touch, retired)


def _owner(event: Event) -> str:
    return owner_of(event.site, event.visitor or f"u:{event.user}")


def _sessionize(profile: Profile, event: Event, facts: Facts, rules: Rules) -> Placed:
    touch = facts.touch
    if touch is not None:
        if not profile.first_touch.ts or touch.ts < profile.first_touch.ts:
            profile.first_touch = touch
        if recency(touch) >= recency(profile.last_touch):
            profile.last_touch = touch
    hit = Hit(event.ts, facts.campaign_key, event.type != "track", touch, facts.session_hint)
    return place(profile.sessions, _owner(event), hit, rules)


def _recognise(profile: Profile, event: Event, facts: Facts) -> None:
    """Ids, times and what the newest event says about device and place."""
    visitor = event.visitor
    if visitor and visitor not in profile.visitors:
        profile.visitors.append(visitor)
        if len(profile.visitors) > VISITORS_KEPT:
            del profile.visitors[0]
    if event.user and profile.user is None:
        profile.user = event.user
    ts = event.ts
    if not profile.first_seen or ts < profile.first_seen:
        profile.first_seen = ts
    if ts >= profile.last_seen:
        profile.last_seen = ts
        # A server speaks for the visitor without being where they are.
        if facts.device:
            profile.device, profile.browser, profile.os = facts.device, facts.browser, facts.os
        profile.country = facts.country or profile.country
        profile.lang = event.lang or profile.lang
    profile.demo = profile.demo or facts.demo


def _track(profile: Profile, event: Event, facts: Facts) -> None:
    name, counts = event.name, profile.counts
    kind = ITEM_EVENTS.get(name)
    if kind is not None:
        _note_items(profile, kind, event.ts, facts)
        effect = _EFFECTS.get(name)
        if effect is not None:
            effect(profile, event, facts)
    elif name == "Offer Viewed" or name == "Offer Clicked":
        _offer(profile, event)
    elif name in COMMUNITY:
        counts.community += 1
    elif name == "Order Refunded" and facts.revenue is not None:
        counts.revenue = round(counts.revenue + facts.revenue, 4)


def _note_items(profile: Profile, kind: ItemEvent, ts: int, facts: Facts) -> None:
    items, weight = profile.items, affinity.WEIGHTS[kind]
    for line in facts.products[:LINES_NOTED]:
        touch = ItemTouch(line.product, kind, ts, line.category)
        if items and ts < items[-1].ts:
            at = len(items)
            while at and items[at - 1].ts > ts:
                at -= 1
            items.insert(at, touch)
        else:
            items.append(touch)
        if line.category and weight:
            affinity.add(profile.affinities, line.category, weight, ts)
    if len(items) > ITEMS_KEPT:
        del items[: len(items) - ITEMS_KEPT]


def _viewed(profile: Profile, _event: Event, _facts: Facts) -> None:
    profile.counts.views += 1


def _added(profile: Profile, event: Event, facts: Facts) -> None:
    profile.counts.adds += 1
    if event.ts <= profile.last_order:
        return  # late: that cart was ordered already
    cart = profile.cart
    for line in facts.products:
        known = cart.get(line.product)
        if known is None and len(cart) >= CART_KEPT:
            continue
        quantity = line.quantity + (known.quantity if known else 0.0)
        cart[line.product] = CartLine(quantity, line.price or (known.price if known else 0.0))


def _removed(profile: Profile, _event: Event, facts: Facts) -> None:
    cart = profile.cart
    for line in facts.products:
        known = cart.get(line.product)
        if known is None:
            continue
        left = known.quantity - line.quantity
        if left > 0:
            cart[line.product] = CartLine(left, known.price)
        else:
            del cart[line.product]


def _ordered(profile: Profile, event: Event, facts: Facts) -> None:
    counts = profile.counts
    counts.orders += 1
    counts.revenue = round(counts.revenue + (facts.revenue or 0.0), 4)
    if event.ts >= profile.last_order:
        profile.last_order = event.ts
        profile.cart = {}


_EFFECTS: Mapping[str, Callable[[Profile, Event, Facts], None]] = {
    "Product Viewed": _viewed,
    "Product Added": _added,
    "Product Removed": _removed,
    "Order Completed": _ordered,
}


def _offer(profile: Profile, event: Event) -> None:
    clicked = event.name == "Offer Clicked"
    if clicked:
        profile.counts.offer_clicks += 1
    else:
        profile.counts.offer_views += 1
    campaign = event.props.get("campaign")
    if not isinstance(campaign, str) or not campaign:
        return
    exposure = profile.exposure.get(campaign)
    if exposure is None:
        exposure = profile.exposure[campaign] = Exposure()
        if len(profile.exposure) > CAMPAIGNS_KEPT:
            del profile.exposure[
                min(
                    profile.exposure,
                    key=lambda name: (name != campaign and profile.exposure[name].last, name),
                )
            ]
    exposure.clicks += clicked
    exposure.views += not clicked
    exposure.last = max(exposure.last, event.ts)


def _consent(profile: Profile, purposes: Mapping[str, Any]) -> None:
    for purpose in PURPOSES:
        given = purposes.get(purpose)
        if isinstance(given, bool):
            profile.consent[purpose] = given


def _learn(profile: Profile, traits: Mapping[str, Any]) -> None:
    """Traits of the newest call win. What is too large for a profile stays in the warehouse's row."""
    for name, value in traits.items():
        if value is None:
            profile.traits.pop(name, None)
        elif (name in profile.traits or len(profile.traits) < TRAITS_KEPT) and _small(value):
            profile.traits[name] = value


def _small(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= TRAIT_BYTES
    return isinstance(value, bool | int | float) or len(msgspec.json.encode(value)) <= TRAIT_BYTES
