"""The orders that a profile has counted: one that is reported twice, by the shop's page and by its server, counts once.

An entry is the order id's digest with two bytes for the message that brought it first, as in ``profiles.dedup``;
then its revenue, and when the tracker received it (ms).
"""

from profiles.dedup import ID_BYTES, digest, stamp
from profiles.model import Profile

ORDERS_KEPT = 50


def known(profile: Profile, order: str, partition: int, position: int) -> bool:
    """Whether another message than this one brought the order first."""
    name, own = digest(order), stamp(partition, position)
    return any(entry[:ID_BYTES] == name and entry[ID_BYTES:] != own for entry, _, _ in profile.orders)


def remember(
    profile: Profile, order: str, revenue: float, received: int, partition: int, position: int
) -> None:
    """Note, in place, that the message brought the order. Beyond ORDERS_KEPT the oldest are forgotten."""
    profile.orders.append((digest(order) + stamp(partition, position), revenue, received))
    del profile.orders[:-ORDERS_KEPT]


def merge(into: Profile, other: Profile) -> None:
    """Both profiles' orders in ``into``, whose counts are those of both already: what both know counts once, as it
    was received first."""
    first: dict[bytes, tuple[bytes, float, int]] = {}
    for one in sorted([*into.orders, *other.orders], key=lambda entry: (entry[2], entry[0])):
        entry, revenue, _ = one
        if entry[:ID_BYTES] in first:
            into.counts.orders -= 1
            into.counts.revenue = round(into.counts.revenue - revenue, 4)
            tally = into.tallies.get("Order Completed")
            if tally is not None:
                tally.count = max(1, tally.count - 1)
        else:
            first[entry[:ID_BYTES]] = one
    into.orders = list(first.values())[-ORDERS_KEPT:]
