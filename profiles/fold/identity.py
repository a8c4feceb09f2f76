"""Identity resolution: two profiles of one person are merged into one."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeVar

from profiles import touches
from profiles.consent import record as consent
from profiles.encoding import codec
from profiles.fold import affinity, claims, commerce, dedup, event_counts, items, order_effect, orders
from profiles.ids import is_customer
from profiles.model import (
    CART_KEPT,
    TRAITS_KEPT,
    VISITORS_KEPT,
    Affinity,
    CartLine,
    Exposure,
    Profile,
)
from profiles.orders.order import Order

_T = TypeVar("_T")


def direction(one: str, other: str) -> tuple[str, str]:
    """(which profile is merged, into which). A customer's stays; of two visitors the smaller id.

    The same for either order of the two, so that two workers that merge the same pair cannot make a circle.
    """
    if is_customer(one) != is_customer(other):
        return (other, one) if is_customer(one) else (one, other)
    return (one, other) if other < one else (other, one)


def already_merged(into: Profile, other: Profile) -> bool:
    """Whether ``other`` was merged into ``into`` before: a crash then came before its alias was saved."""
    if not other.positions:
        return bool(other.visitors) and set(other.visitors) <= set(into.visitors)
    for key, (partition, position) in other.positions.items():
        merged = into.positions.get(key)
        if merged is None or merged[0] != partition or merged[1] < position:
            return False
    return True


def merge(into: Profile, other: Profile) -> None:
    """Add everything ``other`` holds to ``into``, in place. Nothing is lost; where they differ, the newer decides."""
    if into.proven and not other.proven:
        claims.prove(other)
    merge_state(into, other)
    into.fed = into.fed or other.fed
    add_history(into, other)


def merge_claimed(into: Profile, other: Profile) -> None:
    """Add, in place, the history of a browser that merely claims to be the customer ``into``. While the
    customer is not proven, the browser's consent, cart and device are merged, too."""
    other = codec.copy(other)  # both profiles stay, and must share nothing
    _claim_traits(into, other.traits)
    if not into.proven:
        _merge_description(into, other)
        _merge_cart_consent_exposure(into, other)
    other.orders = orders.claimed(other.orders)
    add_history(into, other)
    for visitor in other.visitors:
        claims.claimed_by(into, visitor)


def merge_state(into: Profile, other: Profile) -> None:
    """Merge ids, traits, consent, cart and device of ``other``, in place, without its history."""
    # Whoever was seen last stays longest in the ring.
    older, newer = (into, other) if other.last_seen >= into.last_seen else (other, into)
    visitors = [v for v in older.visitors if v not in newer.visitors] + newer.visitors
    into.visitors = visitors[-VISITORS_KEPT:]
    into.claimants = [v for v in (*into.claimants, *other.claimants) if v not in into.visitors][
        -VISITORS_KEPT:
    ]
    _merge_traits(into, other, newer)
    _merge_description(into, other)
    _merge_cart_consent_exposure(into, other)


def settle(into: Profile, other: Profile) -> None:
    """Merge, in place, a browser whose history the customer has, since it claimed to be them before it was proven."""
    merge_state(into, other)
    orders.take_over(into, other)


def forget(customer: Profile, own: Profile) -> Profile:
    """The customer without the history of a browser that claimed to be them, in place and as far as it is known. Sums
    are subtracted only if the browser never claimed to be another customer, and orders only if the customer counted
    them as the browser reported them."""
    orders.drop(
        customer, [key for key, order in own.orders.items() if _as_told(customer.orders.get(key), order)]
    )
    visits = {session.id for session in own.sessions}
    items.remove(customer.items, Counter(touch for touch in own.items if touch.kind != "purchase"))
    customer.sessions = [session for session in customer.sessions if session.id not in visits]
    customer.claimants = [visitor for visitor in customer.claimants if visitor not in own.visitors]
    for visitor in own.visitors:
        customer.positions.pop(visitor, None)
    if len(own.fed) == 1:
        for name in {*customer.counts.__struct_fields__} - {"orders", "revenue"}:
            left = getattr(customer.counts, name) - getattr(own.counts, name)
            setattr(customer.counts, name, max(0, left))
        for name, theirs in own.event_counts.items():
            if name != order_effect.COMPLETED and (mine := customer.event_counts.get(name)) is not None:
                mine.count -= theirs.count
        customer.event_counts = {name: one for name, one in customer.event_counts.items() if one.count > 0}
    return customer


def _as_told(order: Order | None, browser: Order) -> bool:
    """Whether the customer's order is as the browser told it."""
    return order is not None and (order.site, order.page) == (browser.site, browser.page)


def _merge_traits(into: Profile, other: Profile, newer: Profile) -> None:
    """A trait that was only claimed gives way to one that was not; else the newer decides."""
    unsure: list[str] = []
    merged = dict(newer.traits)
    for one in (into, other):
        for name, value in one.traits.items():
            merged.setdefault(name, value)
    for name in {*into.claims, *other.claims}:
        sure = [one for one in (newer, into, other) if name in one.traits and name not in one.claims]
        if sure:
            merged[name] = sure[0].traits[name]
        else:
            unsure.append(name)
    into.traits = _within(merged, TRAITS_KEPT)
    into.claims = sorted(name for name in unsure if name in into.traits)


def _claim_traits(into: Profile, traits: Mapping[str, Any]) -> None:
    for name, value in traits.items():
        claims.claim_trait(into, name, value)


def _merge_description(into: Profile, other: Profile) -> None:
    """User, device, place and scores; and the last order, which empties a cart."""
    into.last_order = max(into.last_order, other.last_order)
    older, newer = (into, other) if other.last_seen >= into.last_seen else (other, into)
    into.user = into.user or other.user
    into.subject = into.subject or other.subject
    into.device, into.browser, into.os = (
        (newer.device, newer.browser, newer.os) if newer.device else (older.device, older.browser, older.os)
    )
    into.country, into.lang = newer.country or older.country, newer.lang or older.lang
    into.scores = {**older.scores, **newer.scores}
    into.demo = into.demo or other.demo
    into.parts = sorted({*into.parts, *other.parts})
    into.merged = max(into.merged, other.merged, key=lambda merged: merged.at)


def add_history(into: Profile, other: Profile) -> None:
    """Add the events, touches and log positions of ``other``, in place."""
    newer = into if other.last_seen < into.last_seen else other
    touches.merge(into, other)
    into.first_seen = min(filter(None, (into.first_seen, other.first_seen)), default=0)
    into.last_seen = max(into.last_seen, other.last_seen)
    _merge_history(into, other)
    event_counts.merge(into, other)
    orders.merge(into, other)
    items.trim(into.items)
    into.renamed = [*into.renamed, *other.renamed]
    into.cursor = newer.cursor
    into.seen = dedup.merged(into.seen, other.seen)
    for key, place in other.positions.items():
        mine = into.positions.get(key)
        if mine is None or mine[0] != place[0] or mine[1] < place[1]:
            into.positions.pop(key, None)
            into.positions[key] = place


def _merge_history(into: Profile, other: Profile) -> None:
    for name in into.counts.__struct_fields__:
        total = getattr(into.counts, name) + getattr(other.counts, name)
        setattr(into.counts, name, round(total, 4))
    ids = {session.id for session in into.sessions}
    into.sessions += [session for session in other.sessions if session.id not in ids]
    into.sessions.sort(key=lambda session: (session.start, session.id))
    into.items = sorted([*into.items, *other.items], key=lambda touch: touch.ts)
    for category, theirs in other.affinities.items():
        mine = into.affinities.get(category)
        if mine is None:
            into.affinities[category] = theirs
        else:
            ts = max(mine.ts, theirs.ts)
            weight = affinity.weight_at(mine, ts) + affinity.weight_at(theirs, ts)
            into.affinities[category] = Affinity(weight, ts)
    affinity.trim(into.affinities)


def _merge_cart_consent_exposure(into: Profile, other: Profile) -> None:
    """Cart, consent and exposure: after a merge, no more is allowed than either profile allowed."""
    for product, theirs in other.cart.items():
        mine = into.cart.get(product)
        into.cart[product] = (
            CartLine(mine.quantity + theirs.quantity, mine.price or theirs.price) if mine else theirs
        )
    into.cart = _within(into.cart, CART_KEPT)
    consent.merge(into, other)
    for campaign, seen in other.exposure.items():
        mine_seen = into.exposure.get(campaign, Exposure())
        both = into.exposure[campaign] = Exposure(
            mine_seen.views + seen.views,
            mine_seen.clicks + seen.clicks,
            max(mine_seen.last, seen.last),
            max(mine_seen.dismissed, seen.dismissed),
            mine_seen.first,
            mine_seen.variant,
        )
        both.meet(seen.variant, seen.first)
    commerce.trim_exposure(into.exposure)


def _within(both: dict[str, _T], most: int) -> dict[str, _T]:
    """The first ``most``: anybody with the site's key could merge many profiles into one."""
    return dict(islice(both.items(), most)) if len(both) > most else both
