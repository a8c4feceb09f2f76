"""The orders that a profile has counted. An order that is reported twice, by the shop's page and by its server, counts
once. An implausible order that came with the public key does not count.

An entry is the digest of the order's id, or of its event's where it has none, with two bytes for the message that
brought it first, as in ``profiles.fold.dedup``; then its revenue, and when the tracker received it (ms).
"""

from profiles.facts import Facts
from profiles.fold.dedup import ID_BYTES, digest, stamp
from profiles.model import Profile
from tracker.durations import DAY_MS
from tracker.event import SITE, Event

ORDERS_KEPT = 50
ORDERS_A_DAY = 20
"""How many orders of one person count within a day when they come with the public key."""


def reported_before(profile: Profile, order: str, partition: int, position: int) -> bool:
    """Whether another message than this one reported the order first."""
    name, own = digest(order), stamp(partition, position)
    return any(entry[:ID_BYTES] == name and entry[ID_BYTES:] != own for entry, _, _ in profile.orders)


def from_public_key(event: Event) -> bool:
    """Whether the event came with the public key: of such orders only ORDERS_A_DAY count."""
    return event.sender not in ("", SITE)


def doubtful(profile: Profile, event: Event, facts: Facts, partition: int, position: int) -> bool:
    """Whether the order is set aside: it came with the public key, and its amount is implausible (``facts.doubtful``)
    or it exceeds ORDERS_A_DAY of this person, by the tracker's clock."""
    if event.type != "track" or event.sender == SITE or facts.revenue is None:
        return False
    if facts.doubtful or event.name != "Order Completed" or not from_public_key(event):
        return facts.doubtful
    name, own = digest(facts.order or event.id), stamp(partition, position)
    if any(entry == name + own for entry, _, _ in profile.orders):
        return False  # it was counted before
    since = event.received - DAY_MS
    return sum(since < received <= event.received for _, _, received in profile.orders) >= ORDERS_A_DAY


def remember(
    profile: Profile, order: str, revenue: float, received: int, partition: int, position: int
) -> None:
    """Add the order of a message, in place. Beyond ORDERS_KEPT the oldest are removed."""
    profile.orders.append((digest(order) + stamp(partition, position), revenue, received))
    del profile.orders[:-ORDERS_KEPT]


def merge(into: Profile, other: Profile) -> None:
    """Both profiles' orders in ``into``, whose counts are already the sum of both: an order that both have counts once,
    as it was received first."""
    first: dict[bytes, tuple[bytes, float, int]] = {}
    for one in sorted([*into.orders, *other.orders], key=lambda entry: (entry[2], entry[0])):
        entry, revenue, _ = one
        if entry[:ID_BYTES] in first:
            into.counts.orders -= 1
            into.counts.revenue = round(into.counts.revenue - revenue, 4)
            found = into.event_counts.get("Order Completed")
            if found is not None:
                found.count = max(1, found.count - 1)
        else:
            first[entry[:ID_BYTES]] = one
    into.orders = list(first.values())[-ORDERS_KEPT:]
