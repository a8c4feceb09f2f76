"""The e-commerce part of the fold: what products, carts and offers change in a profile. Orders: ``fold.orders``."""

from collections.abc import Callable, Mapping

from profiles.facts import Facts
from profiles.fold import affinity, items
from profiles.model import (
    CAMPAIGNS_KEPT,
    CART_KEPT,
    CartLine,
    Exposure,
    ItemEvent,
    ItemTouch,
    Profile,
)
from tracker.event import Event
from tracker.standard_events.offer_events import CLICKS, DISMISSALS, VIEWS

LINES_NOTED = 12  # of a list, so that one page does not fill the ring

ITEM_EVENTS: Mapping[str, ItemEvent] = {
    "Product Viewed": "view",
    "Product Clicked": "view",
    "Product Added": "add",
    "Product Added to Wishlist": "add",
    "Product Removed": "remove",
    "Product Removed from Wishlist": "remove",
    "Product Dismissed": "dismiss",
    "Product List Viewed": "list",
}
OFFER_EVENTS = VIEWS | CLICKS | DISMISSALS
VARIANT_LENGTH = 64
"""Characters of a variant's name, as campaigns allow."""
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


def track(profile: Profile, event: Event, facts: Facts) -> None:
    name, counts = event.name, profile.counts
    kind = ITEM_EVENTS.get(name)
    if kind is not None:
        _note_items(profile, kind, event.ts, facts)
        effect = _EFFECTS.get(name)
        if effect is not None:
            effect(profile, event, facts)
    elif name in OFFER_EVENTS:
        _offer(profile, event)
    elif name in COMMUNITY:
        counts.community += 1


def _note_items(profile: Profile, kind: ItemEvent, ts: int, facts: Facts) -> None:
    weight = affinity.WEIGHTS[kind]
    for line in facts.products[:LINES_NOTED]:
        items.insert(profile.items, ItemTouch(line.product, kind, ts, line.category))
        if line.category and weight:
            affinity.add(profile.affinities, line.category, weight, ts)
    items.trim(profile.items)


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


_EFFECTS: Mapping[str, Callable[[Profile, Event, Facts], None]] = {
    "Product Viewed": _viewed,
    "Product Added": _added,
    "Product Removed": _removed,
}


def _offer(profile: Profile, event: Event) -> None:
    clicked, viewed = event.name in CLICKS, event.name in VIEWS
    profile.counts.offer_clicks += clicked
    profile.counts.offer_views += viewed
    campaign = event.props.get("campaign")
    if not isinstance(campaign, str) or not campaign or event.backfill:
        return
    exposure = profile.exposure.setdefault(campaign, Exposure())
    exposure.clicks += clicked
    exposure.views += viewed
    exposure.last = max(exposure.last, event.ts)
    variant = event.props.get("variant")
    if isinstance(variant, str) and len(variant) <= VARIANT_LENGTH:
        exposure.meet(variant, event.ts)
    if event.name in DISMISSALS:
        exposure.dismissed = max(exposure.dismissed, event.ts)
    trim_exposure(profile.exposure)


def trim_exposure(exposure: dict[str, Exposure]) -> None:
    """Remove the campaigns that were seen longest ago, in place."""
    while len(exposure) > CAMPAIGNS_KEPT:
        del exposure[min(exposure, key=lambda name: (exposure[name].last, name))]
