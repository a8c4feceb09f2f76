"""What a profile counts of its orders: how many stand, their revenue, and a purchase for each product of each order."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from profiles.model import ItemTouch
from profiles.orders.order import Net, Order, net, standing_at, take


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
