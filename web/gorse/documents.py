"""Gorse's documents, and what they are here: items of the catalogue, events of the log, traits of a profile."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from profiles.model import ItemEvent, ItemTouch, Profile
from recommender.catalogue.item import Item, ItemChange, parse_change
from tracker.event import SITE, Event
from web.http.problem import Problem

FEEDBACK: Mapping[str, str] = {
    "read": "Product Viewed",
    "view": "Product Viewed",
    "click": "Product Clicked",
    "like": "Product Added to Wishlist",
    "star": "Product Added to Wishlist",
    "favorite": "Product Added to Wishlist",
    "add": "Product Added",
    "cart": "Product Added",
    "remove": "Product Removed",
    "buy": "Order Completed",
    "purchase": "Order Completed",
    "order": "Order Completed",
    "dislike": "Product Dismissed",
    "dismiss": "Product Dismissed",
}
"""What the usual feedback types say in our words. Another type is the name of its event: it is counted in reports,
and teaches the recommender something where it is a name that the recommender knows."""

KINDS: Mapping[str, ItemEvent] = {
    "Product Viewed": "view",
    "Product Clicked": "view",
    "Product Added": "add",
    "Product Added to Wishlist": "add",
    "Product Removed": "remove",
    "Order Completed": "purchase",
    "Product Dismissed": "dismiss",
}


class GorseItem(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The first category is ours; the comment is the name. The rest is kept as further attributes."""

    item_id: str
    is_hidden: bool = False
    categories: list[str] | None = None
    timestamp: str = ""
    labels: Any = None
    comment: str = ""


class ItemPatch(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What is null stays as it is."""

    is_hidden: bool | None = None
    categories: list[str] | None = None
    timestamp: str | None = None
    labels: Any = None
    comment: str | None = None


class GorseItemGiven(ItemPatch, frozen=True, kw_only=True, rename="pascal"):
    """An item to add, or to change where it is there: what is null or left out stays as it is."""

    item_id: str


class Feedback(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    feedback_type: str
    user_id: str
    item_id: str
    value: float = 0.0
    timestamp: str = ""
    comment: str = ""


class GorseUser(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    user_id: str
    labels: Any = None
    subscribe: list[str] | None = None
    comment: str = ""


class Scored(msgspec.Struct, frozen=True, rename="pascal"):
    id: str
    score: float


def change_of(item_id: str, given: ItemPatch, index: int = 0) -> ItemChange:
    """What the document says about the catalogue's item. Raises ItemInvalid, Problem 400."""
    moment(given.timestamp or "", 0)  # refused now rather than found unreadable later
    document: dict[str, Any] = {
        "id": item_id,
        "name": given.comment,
        "category": (given.categories or [""])[0] if given.categories is not None else None,
        "available": None if given.is_hidden is None else not given.is_hidden,
        "categories": given.categories,
        "labels": given.labels,
        "timestamp": given.timestamp,
    }
    said = {name: value for name, value in document.items() if value is not None}
    return parse_change(said, f"[{index}]", index)


def gorse_item(item: Item) -> GorseItem:
    extra = item.extra
    return GorseItem(
        item_id=item.id,
        is_hidden=not item.available,
        categories=extra.get("categories") or ([item.category] if item.category else []),
        timestamp=extra.get("timestamp", ""),
        labels=extra.get("labels"),
        comment=item.name,
    )


def event_of(given: Feedback, site: str, now: int, item: Item | None) -> Event:
    """The event that feedback is: the user's own (a customer id), about the item as the catalogue knows it.

    Its id follows from what it says, so that a request sent twice counts once.
    """
    ts = min(moment(given.timestamp, now), now)
    name = FEEDBACK.get(given.feedback_type.lower(), given.feedback_type)
    said = "\0".join((site, name, given.user_id, given.item_id, given.timestamp or str(now)))
    props: dict[str, Any] = {"product_id": given.item_id}
    if item is not None:
        known = {"name": item.name, "category": item.category, "price": item.price}
        props |= {key: value for key, value in known.items() if value}
    if given.value:
        props["feedback_value"] = given.value
    if given.comment:
        props["comment"] = given.comment
    return Event(
        site=site,
        id=f"gorse-{blake2b(said.encode(), digest_size=16).hexdigest()}",
        type="track",
        name=name,
        user=given.user_id,
        ts=ts,
        received=now,
        props=props,
        source="api",
        proven=True,
        sender=SITE,
    )


def identify(given: GorseUser, site: str, now: int) -> Event:
    """The event that makes the user known, with labels, subscriptions and comment as traits."""
    traits = {"labels": given.labels, "subscribe": given.subscribe, "comment": given.comment}
    said = msgspec.json.encode((site, given, now))
    return Event(
        site=site,
        id=f"gorse-{blake2b(said, digest_size=16).hexdigest()}",
        type="identify",
        user=given.user_id,
        ts=now,
        received=now,
        traits={name: value for name, value in traits.items() if value},
        source="api",
        proven=True,
        sender=SITE,
    )


def gorse_user(user_id: str, profile: Profile) -> GorseUser:
    traits = profile.traits
    return GorseUser(
        user_id=user_id,
        labels=traits.get("labels"),
        subscribe=traits.get("subscribe"),
        comment=traits.get("comment", ""),
    )


def remembered(user_id: str, profile: Profile, kind: str | None) -> list[Feedback]:
    """What the live profile keeps of a user's feedback, newest last; ``kind`` is a feedback type.

    The profile knows kinds, not types: they come back under the type asked for, else as our events are named.
    """
    wanted = KINDS.get(FEEDBACK.get(kind.lower(), kind)) if kind else None
    names = {own: name for name, own in reversed(list(KINDS.items()))}
    return [
        Feedback(
            feedback_type=kind or names[touch.kind],
            user_id=user_id,
            item_id=touch.item,
            timestamp=datetime.fromtimestamp(touch.ts / 1000, UTC).isoformat().replace("+00:00", "Z"),
        )
        for touch in profile.items
        if touch.kind in names and (kind is None or touch.kind == wanted)
    ]


def stranger(given: Iterable[Feedback], now: int) -> Profile:
    """A profile of nothing but this feedback, all of it one visit."""
    touches = []
    for one in given:
        name = FEEDBACK.get(one.feedback_type.lower(), one.feedback_type)
        touches.append(ItemTouch(one.item_id, KINDS.get(name, "view"), moment(one.timestamp, now)))
    return Profile(id="v:", items=sorted(touches, key=lambda touch: touch.ts))


def moment(text: str, now: int) -> int:
    """Milliseconds of an ISO 8601 time since 1970, UTC where it names no zone; ``now`` for none. Raises Problem 400."""
    if not text or text.startswith("0001-01-01"):  # what Go makes of a time that was not given
        return now
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_time(text) from error
    ms = int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    if ms < 0:
        raise _no_time(text)
    return ms


def _no_time(text: str) -> Problem:
    return Problem(400, f"{text[:40]!r} is not a time as 2026-11-21T10:00:00Z", "Timestamp")
