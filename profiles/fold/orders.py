"""The orders of a profile, and what the profile counts of them.

Whatever is told of an order changes the profile by the difference between what was left of the order before and what
is left of it now (``profiles.orders.order.net``): the numbers of orders and of their events, revenue, the last order,
the items bought and the interest in their categories. Beyond ORDERS_KEPT the oldest are forgotten: they stay counted.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from msgspec.structs import replace

from profiles.facts import ORDER_EVENTS, Facts
from profiles.fold import affinity, event_counts, items
from profiles.fold.dedup import ID_BYTES, digest, from_public_key
from profiles.fold.order_effect import Effect, effect, last_of
from profiles.model import Profile
from profiles.orders.order import (
    BY_PAGE,
    BY_SITE,
    OWN,
    UNIT,
    Line,
    Order,
    Told,
    joined,
    standing_at,
    without_lines,
)
from tracker.durations import DAY_MS
from tracker.event import SITE, Event

ORDERS_KEPT = 500
LINES_KEPT = 2_000
"""The lines of all orders of one person. Of the oldest orders beyond it only the amounts can change."""
ORDERS_A_DAY = 20
"""How many orders of one person count within a day when they come with the public key."""
CLAIMED_A_DAY = 10
"""How many of them somebody may add who merely claims to be the customer: the rest is left for the customer."""

COMPLETED, UPDATED, REFUNDED, CANCELLED = (
    "Order Completed",
    "Order Updated",
    "Order Refunded",
    "Order Cancelled",
)


class Applied(NamedTuple):
    """``repeated``: another message told of the order's completion first. ``doubtful``: what was told is set aside and
    counts nowhere. ``cut``: how many orders, lines and refunds exceeded a limit."""

    repeated: bool = False
    doubtful: bool = False
    cut: int = 0


def shared_key(event: Event, facts: Facts) -> bytes | None:
    """The key of an order, or a credit note, that others may tell of as well; None for none."""
    if event.type != "track" or event.name not in ORDER_EVENTS:
        return None
    named = facts.order or (event.name == REFUNDED and _named(facts))
    return order_key(event, facts) if named else None


def _named(facts: Facts) -> bool:
    """Whether the refund has an id. Two customers, or one of them twice, may be given back the same without one."""
    return bool(facts.refund) and not str(facts.refund).startswith("=")


def order_key(event: Event, facts: Facts) -> bytes | None:
    """Under which key a profile keeps the order that the event tells of, None if it tells of none."""
    if facts.order:
        name = facts.order
    elif event.name == COMPLETED:
        name = event.id
    elif event.name == REFUNDED:
        name = f"refund\n{facts.refund if _named(facts) else event.id}"
    else:
        return None
    return digest(name) + blake2b(name.encode("utf-8", "surrogatepass"), digest_size=1).digest()


def transition(event: Event, facts: Facts, currency: str, at: bytes, claimed: bool = False) -> Order:
    """An order of which only this event is known. ``currency`` is the site's, ``at`` the stamp of the message.
    ``claimed``: it comes from a browser that merely claims to be the customer."""
    said = facts.currency or ""
    amount = None if facts.revenue is None else abs(round(facts.revenue * UNIT))
    lines = tuple([Line(line.product, round(line.quantity * UNIT), line.category) for line in facts.products])
    told = Told(event.ts, amount, OWN if said and said == (currency or said) else said, lines)
    order = Order(received=event.received)
    if event.name == COMPLETED:
        lined = Told(told.ts, lines=lines) if lines else None
        told = replace(told, lines=())
        if event.sender == SITE:
            return replace(order, site=told, lined=lined, lined_by=BY_SITE, first=(at, b""))
        return replace(order, page=told, claimed=claimed, lined=lined, lined_by=BY_PAGE, first=(b"", at))
    if event.name == UPDATED:
        return replace(order, updates=(told,))
    if event.name == REFUNDED:
        name = blake2b((facts.refund or event.id).encode("utf-8", "surrogatepass"), digest_size=6).digest()
        return replace(order, refunds={name: told}, note=not facts.order)
    return replace(order, cancelled=True)


def apply(
    profile: Profile, event: Event, facts: Facts, currency: str, at: bytes, claimed: bool = False
) -> Applied:
    """Apply what the event tells of an order, in place; the arguments are those of ``transition``."""
    key = order_key(event, facts)
    known = _known(profile, key)
    if _doubtful(profile, event, facts, known):
        return Applied(doubtful=True)
    told = Applied(repeated=known is not None and _told_before(known, event, at))
    if key is None:
        event_counts.count(profile, event.name, event.ts)
        return told
    new = transition(event, facts, currency, at, claimed)
    after = joined(known, new)
    if event.name == UPDATED or _is_news(known, new):
        event_counts.count(profile, event.name, event.ts)
    if event.name == COMPLETED and not (known and known.completed) and event.ts >= profile.last_order:
        profile.cart = {}
    put(profile, {key: after})
    return told._replace(cut=_trim(profile) + _refunds_cut(known, new, after))


def seen_before(profile: Profile, event: Event, facts: Facts, at: bytes) -> Applied:
    """What ``apply`` answered when the message was applied, from the profile as it is now."""
    known = _known(profile, order_key(event, facts))
    if _doubtful(profile, event, facts, known):
        return Applied(doubtful=True)
    return Applied(repeated=known is not None and _told_before(known, event, at))


def merge(into: Profile, other: Profile) -> None:
    """Both profiles' orders in ``into``, whose counts, items and affinities are those of both already: what both know
    counts once."""
    both = into.orders.keys() & other.orders.keys()
    for name, uncounted in (
        (
            REFUNDED,
            sum(len(into.orders[key].refunds.keys() & other.orders[key].refunds.keys()) for key in both),
        ),
        (CANCELLED, sum(into.orders[key].cancelled and other.orders[key].cancelled for key in both)),
    ):
        event_counts.change(into, name, -uncounted, 0, 0)
    before = effect(into.orders) + effect(other.orders)
    last, mine = max(last_of(into.orders), last_of(other.orders)), max(_last_order(into), _last_order(other))
    if into.last_order in (mine, _last_order(into)):
        into.last_order = mine
    merged = {**into.orders, **other.orders}
    for key in both:
        merged[key] = joined(into.orders[key], other.orders[key])
    into.orders = dict(sorted(merged.items(), key=lambda one: (one[1].received, one[0])))
    settle_last(into, mine)
    _count(into, before, effect(into.orders), last, last_of(into.orders))
    _trim(into)


def prove(profile: Profile) -> None:
    """The site itself identified the customer: what claims told of the last order counts no more. In place."""
    before, profile.proven = _last_order(profile), True
    settle_last(profile, before)


def claimed(orders: Mapping[bytes, Order]) -> dict[bytes, Order]:
    """Orders of a browser as those of a customer that it claims to be."""
    return {key: one.as_claimed() for key, one in orders.items()}


def take_over(customer: Profile, browser: Profile) -> None:
    """A browser that claimed to be the customer is theirs: so are its orders, which the customer has. In place."""
    before = _last_order(customer)
    for key, order in browser.orders.items():
        if key in customer.orders and not order.claimed:
            customer.orders[key] = replace(customer.orders[key], claimed=False)
    settle_last(customer, before)


def drop(profile: Profile, keys: Iterable[bytes]) -> None:
    """Take orders out of the profile, in place, and out of what it counts."""
    put(profile, dict.fromkeys(keys))


def _known(profile: Profile, key: bytes | None) -> Order | None:
    """What the profile knows of an order. Profiles of earlier releases kept the first bytes of the key."""
    if key is None:
        return None
    if (old := profile.orders.get(key[:ID_BYTES])) is not None:
        profile.orders = {
            key if name == key[:ID_BYTES] else name: one for name, one in profile.orders.items()
        }
        return old
    return profile.orders.get(key)


def _told_before(known: Order, event: Event, at: bytes) -> bool:
    """Whether another message told of the order's completion first. What came with the public key does not count where
    the site itself tells of it."""
    if event.name != COMPLETED:
        return False
    return any(first and first != at for first in (known.first[:1] if event.sender == SITE else known.first))


def _doubtful(profile: Profile, event: Event, facts: Facts, known: Order | None) -> bool:
    """Whether what is told is set aside: its amount is implausible (``facts.doubtful``), or it came with the public key
    and exceeds ORDERS_A_DAY of this person, by the tracker's clock."""
    if facts.doubtful or event.name != COMPLETED or not from_public_key(event):
        return facts.doubtful
    if known is not None and known.completed:
        return False
    most = CLAIMED_A_DAY if event.user and not event.proven else ORDERS_A_DAY
    since = event.received - DAY_MS
    return (
        sum(one.completed and since < one.received <= event.received for one in profile.orders.values())
        >= most
    )


def _is_news(known: Order | None, new: Order) -> bool:
    """Whether a refund or a cancellation was not known before."""
    if known is None:
        return new.cancelled or bool(new.refunds)
    return new.cancelled > known.cancelled or bool(new.refunds.keys() - known.refunds.keys())


def _refunds_cut(known: Order | None, new: Order, after: Order) -> int:
    return len(new.refunds.keys() | (known.refunds.keys() if known else ())) - len(after.refunds)


def put(profile: Profile, changed: Mapping[bytes, Order | None]) -> None:
    """Set these orders, None to take one out, in place, and count the difference."""
    orders = profile.orders
    scope = _scope(orders, changed)
    before = {key: orders[key] for key in scope if key in orders}
    for key, order in changed.items():
        if order is None:
            orders.pop(key, None)
        else:
            orders[key] = order
    after = {key: orders[key] for key in scope if key in orders}
    known = profile.event_counts.get(COMPLETED)
    last = now = known.last if known else 0
    for key in changed:
        old, new = before.get(key), after.get(key)
        now = _later(now, old, new, lambda: last_of(orders))
        own = old and _own(profile, old), new and _own(profile, new)
        profile.last_order = _later(profile.last_order, *own, lambda: _last_order(profile))
    _count(profile, effect(before), effect(after), last, now)


def _scope(orders: Mapping[bytes, Order], changed: Mapping[bytes, Order | None]) -> list[bytes]:
    """Those whose effect the change may alter: a credit note takes off what any order holds of its products."""
    both = [one for key in changed for one in (orders.get(key), changed[key]) if one]
    if not any(one.note for one in orders.values()) and not any(one.note for one in both):
        return list(changed)
    products = {line.product for one in both for told in one.lined_parts for line in told.lines}
    near = [
        key
        for key, one in orders.items()
        if any(line.product in products for told in one.lined_parts for line in told.lines)
    ]
    return list(dict.fromkeys([*changed, *near]))


def _later(last: int, old: Order | None, new: Order | None, again: Callable[[], int]) -> int:
    """When the last order was made, after one of them changed; ``again`` computes it from all. One that was forgotten
    may be the last."""
    was, now = standing_at(old) if old else 0, standing_at(new) if new else 0
    if now >= last or was != last:
        return max(now, last)
    return again()


def _count(profile: Profile, before: Effect, after: Effect, last: int, now: int) -> None:
    """Count the difference, in place. ``last`` and ``now`` are when the last order was made before and is now."""
    counts = profile.counts
    more = after.orders - before.orders
    counts.orders += more
    counts.revenue = (round(counts.revenue * UNIT) + after.revenue - before.revenue) / UNIT
    event_counts.change(profile, COMPLETED, more, last, now)
    if before.bought == after.bought:
        return
    for touch, number in items.remove(profile.items, before.bought - after.bought).items():
        affinity.add_touch(profile.affinities, touch, -number)
    for touch, number in (after.bought - before.bought).items():
        for _ in range(number):
            items.insert(profile.items, touch)
        affinity.add_touch(profile.affinities, touch, number)


def _trim(profile: Profile) -> int:
    """Forget the oldest orders, lines and purchases beyond the limits, in place; how many."""
    cut = items.trim(profile.items)
    orders = profile.orders
    if (excess := len(orders) - ORDERS_KEPT) > 0:
        profile.orders = orders = dict(list(orders.items())[excess:])
        cut += excess
    lines = sum([one.lines for one in orders.values()]) - LINES_KEPT
    if lines > 0:
        for key, one in list(orders.items()):
            if lines > 0 and one.lines:
                orders[key] = without_lines(one)
                lines -= one.lines
                cut += one.lines
    return cut


def settle_last(profile: Profile, before: int) -> None:
    """Set when the customer ordered last, in place; ``before`` is what the orders said of it before."""
    now = _last_order(profile)
    # An order that was forgotten may be the last one.
    profile.last_order = now if profile.last_order == before else max(profile.last_order, now)


def _last_order(profile: Profile) -> int:
    """When the customer ordered last; of a proven one no claim tells that."""
    return last_of({key: _own(profile, one) for key, one in profile.orders.items()})


def _own(profile: Profile, order: Order) -> Order:
    return order.own if profile.proven and order.claimed else order
