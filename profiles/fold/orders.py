"""The orders of a profile, and what the profile counts of them.

Whatever is told of an order changes the profile by the difference between what was left of the order before and what
is left of it now (``profiles.orders.order.net``): the numbers of orders and of their events, revenue, the last order,
the items bought and the interest in their categories. Beyond ORDERS_KEPT the oldest are forgotten: they stay counted.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from msgspec.structs import replace

from profiles.facts import ORDER_EVENTS, Facts, ProductLine
from profiles.fold import event_counts, items
from profiles.fold.dedup import ID_BYTES, digest, from_public_key
from profiles.fold.order_effect import (
    COMPLETED,
    count_change,
    effect,
    last_of,
    last_order_of,
    put,
    settle_last,
)
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

UPDATED, REFUNDED, CANCELLED = "Order Updated", "Order Refunded", "Order Cancelled"


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
    return named_order_key(name)


def named_order_key(name: str) -> bytes:
    """Under which key a profile keeps the order with this id."""
    return digest(name) + blake2b(name.encode("utf-8", "surrogatepass"), digest_size=1).digest()


def transition(event: Event, facts: Facts, currency: str, at: bytes, claimed: bool = False) -> Order:
    """An order of which only this event is known. ``currency`` is the site's, ``at`` the stamp of the message.
    ``claimed``: it comes from a browser that merely claims to be the customer."""
    said = facts.currency or ""
    amount = None if facts.revenue is None else abs(round(facts.revenue * UNIT))
    lines = tuple([_line(line) for line in facts.products])
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


def _line(line: ProductLine) -> Line:
    amount = round(max(line.quantity, 0.0) * line.price * UNIT)
    return Line(line.product, round(line.quantity * UNIT), line.category, amount)


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


def join(into: Profile, other: Profile) -> bool:
    """What ``other`` knows of the orders that both hold, in ``into``; whether that was more. Nothing counts twice."""
    known = {
        key: joined(into.orders[key], other.orders[key]) for key in into.orders.keys() & other.orders.keys()
    }
    more = {key: order for key, order in known.items() if order != into.orders[key]}
    put(into, more)
    return bool(more)


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
    last, mine = (
        max(last_of(into.orders), last_of(other.orders)),
        max(last_order_of(into), last_order_of(other)),
    )
    if into.last_order in (mine, last_order_of(into)):
        into.last_order = mine
    merged = {**into.orders, **other.orders}
    for key in both:
        merged[key] = joined(into.orders[key], other.orders[key])
    into.orders = dict(sorted(merged.items(), key=lambda one: (one[1].received, one[0])))
    settle_last(into, mine)
    count_change(into, before, effect(into.orders), last, last_of(into.orders))
    _trim(into)


def prove(profile: Profile) -> None:
    """The site itself identified the customer: what claims told of the last order counts no more. In place."""
    before, profile.proven = last_order_of(profile), True
    settle_last(profile, before)


def claimed(orders: Mapping[bytes, Order]) -> dict[bytes, Order]:
    """Orders of a browser as those of a customer that it claims to be."""
    return {key: one.as_claimed() for key, one in orders.items()}


def take_over(customer: Profile, browser: Profile) -> None:
    """A browser that claimed to be the customer is theirs: so are its orders, which the customer has. In place."""
    before = last_order_of(customer)
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
