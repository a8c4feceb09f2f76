"""The orders that a profile has counted. An order that is reported twice, by the shop's page and by its server, counts
once, as the server reports it. An implausible order that came with the public key does not count.

An entry is the digest of the order's id, or of its event's where it has none, with two bytes for the message that
brought it first, as in ``profiles.fold.dedup``; then its revenue, and when the tracker received it (ms).
"""

from profiles.facts import Facts
from profiles.fold.dedup import ID_BYTES, digest, entries_of, from_public_key, public, stamp, told
from profiles.model import Profile
from tracker.durations import DAY_MS
from tracker.event import SITE, Event

ORDERS_KEPT = 50
ORDERS_A_DAY = 20
"""How many orders of one person count within a day when they come with the public key."""
CLAIMED_A_DAY = 10
"""How many of them somebody may add who merely claims to be the customer: the rest is left for the customer."""


def reported_before(profile: Profile, event: Event, order: str, partition: int, position: int) -> bool:
    """Whether another message than this one reported the order first. What came with the public key is no report where
    the site itself reports the order."""
    names, own = entries_of(event, order), stamp(partition, position)
    return any(entry[:ID_BYTES] in names and entry[ID_BYTES:] != own for entry, _, _ in profile.orders)


def retract(profile: Profile, order: str) -> None:
    """Uncount, in place, the order as it was reported with the public key: the site itself reports it now."""
    name = public(digest(order))
    for one in [one for one in profile.orders if one[0][:ID_BYTES] == name]:
        profile.orders.remove(one)
        _uncount(profile, one[1])


def _uncount(profile: Profile, revenue: float, least: int = 0) -> None:
    profile.counts.orders -= 1
    profile.counts.revenue = round(profile.counts.revenue - revenue, 4)
    if (found := profile.event_counts.get("Order Completed")) is not None:
        found.count = max(least, found.count - 1)


def doubtful(profile: Profile, event: Event, facts: Facts, partition: int, position: int) -> bool:
    """Whether the order is set aside: it came with the public key, and its amount is implausible (``facts.doubtful``)
    or it exceeds ORDERS_A_DAY of this person, by the tracker's clock."""
    if event.type != "track" or facts.doubtful:
        return facts.doubtful
    if event.sender == SITE or facts.revenue is None:
        return False
    if event.name != "Order Completed" or not from_public_key(event):
        return False
    names, own = entries_of(event, facts.order or event.id), stamp(partition, position)
    if any(entry[:ID_BYTES] in names and entry[ID_BYTES:] == own for entry, _, _ in profile.orders):
        return False  # it was counted before
    most = CLAIMED_A_DAY if event.user and not event.proven else ORDERS_A_DAY
    since = event.received - DAY_MS
    return sum(since < received <= event.received for _, _, received in profile.orders) >= most


def remember(
    profile: Profile, event: Event, order: str, revenue: float, received: int, partition: int, position: int
) -> None:
    """Note, in place, that the message brought the order. Beyond ORDERS_KEPT the oldest are forgotten."""
    profile.orders.append((entries_of(event, order)[0] + stamp(partition, position), revenue, received))
    del profile.orders[:-ORDERS_KEPT]


def merge(into: Profile, other: Profile) -> None:
    """Both profiles' orders in ``into``, whose counts are those of both already: what both know counts once, as the
    site told it, else as it was received first."""
    kept: dict[bytes, tuple[bytes, float, int]] = {}
    both = sorted([*into.orders, *other.orders], key=lambda one: (one[0] != told(one[0]), one[2], one[0]))
    for one in both:
        name = told(one[0])[:ID_BYTES]
        if name in kept:
            _uncount(into, one[1], least=1)
        else:
            kept[name] = one
    into.orders = sorted(kept.values(), key=lambda one: (one[2], one[0]))[-ORDERS_KEPT:]
