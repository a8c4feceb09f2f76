"""What a profile counts of its orders: how many stand, their revenue, a purchase for each product of each order.

A change of an order changes the profile by the difference.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from profiles.fold import affinity, event_counts, items
from profiles.model import ItemTouch, Profile
from profiles.orders.order import UNIT, Net, Order, net, standing_at, take

COMPLETED = "Order Completed"


class Effect(msgspec.Struct, frozen=True):
    """``revenue`` in 1/10,000 of the site's currency."""

    orders: int
    revenue: int
    bought: Counter[ItemTouch]

    def __add__(self, other: "Effect") -> "Effect":
        return Effect(self.orders + other.orders, self.revenue + other.revenue, self.bought + other.bought)


def effect(orders: Mapping[bytes, Order]) -> Effect:
    """What a profile counts of these orders."""
    nets = [(key, net(order), order.note) for key, order in orders.items()]
    standing = [(key, one) for key, one, _ in nets if one.stands]
    notes = [(key, one) for key, one, note in nets if note]
    return Effect(len(standing), sum(one.revenue for _, one, _ in nets), _bought(standing, notes))


def last_of(orders: Mapping[bytes, Order]) -> int:
    """When the last one was made (ms), 0 for none."""
    return max([standing_at(order) for order in orders.values()], default=0)


def _bought(standing: list[tuple[bytes, Net]], notes: list[tuple[bytes, Net]]) -> Counter[ItemTouch]:
    """A purchase for each product of an order. A credit note takes off what was bought last before it."""
    if notes:
        standing.sort(key=lambda each: (each[1].when, each[0]), reverse=True)
    for _, note in sorted(notes, key=lambda each: (each[1].when, each[0])):
        for product, (quantity, _) in note.bought.items():
            for _, one in standing:
                if quantity and one.when <= note.when:
                    quantity = take(one.bought, product, quantity)
    return Counter(
        ItemTouch(product, "purchase", one.when, category)
        for _, one in standing
        for product, (_, category) in one.bought.items()
    )


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
        profile.last_order = _later(profile.last_order, *own, lambda: last_order_of(profile))
    count_change(profile, effect(before), effect(after), last, now)


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


def count_change(profile: Profile, before: Effect, after: Effect, last: int, now: int) -> None:
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


def settle_last(profile: Profile, before: int) -> None:
    """Set when the customer ordered last, in place; ``before`` is what the orders said of it before."""
    now = last_order_of(profile)
    # An order that was forgotten may be the last one.
    profile.last_order = now if profile.last_order == before else max(profile.last_order, now)


def last_order_of(profile: Profile) -> int:
    """When the customer ordered last; of a proven one no claim tells that."""
    return last_of({key: _own(profile, one) for key, one in profile.orders.items()})


def _own(profile: Profile, order: Order) -> Order:
    return order.own if profile.proven and order.claimed else order
