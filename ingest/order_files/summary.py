"""What an import of orders has read and told."""

from collections import Counter, defaultdict
from decimal import Decimal

import msgspec

from ingest.order_files.order import ZERO, FileOrder


class Sums(msgspec.Struct):
    """Money of one currency: of orders, of what was given back, and what is left."""

    orders: Decimal = ZERO
    returned: Decimal = ZERO
    net: Decimal = ZERO


class OrderSummary(msgspec.Struct):
    """``customers`` have a number or e-mail; each order of a guest without one is a person of its own.
    ``erased``: orders of people who were erased since. ``states``: words that are not known, taken for a sale.
    ``events``: what was told, by name; ``unchanged``: orders that the warehouse knows as they are."""

    rows: int = 0
    other_events: int = 0
    orders: int = 0
    cancelled: int = 0
    refunded: int = 0
    credits: int = 0
    unpaid: int = 0
    empty: int = 0
    customers: int = 0
    guests: int = 0
    erased: int = 0
    unchanged: int = 0
    sums: defaultdict[str, Sums] = msgspec.field(default_factory=lambda: defaultdict(Sums))
    states: Counter[str] = msgspec.field(default_factory=Counter)
    events: Counter[str] = msgspec.field(default_factory=Counter)

    def count(self, order: FileOrder, currency: str) -> bool:
        """Count an order, or a credit note; False for one of nothing or not paid. ``currency`` is the site's."""
        if order.credit and not order.refunded and not order.buyer:
            self.empty += 1
            return False
        if order.state == "unpaid":
            self.unpaid += 1
            return False
        sums = self.sums[order.currency or currency]
        if order.credit:
            self.credits += 1
            sums.returned += order.refunded
            sums.net -= order.refunded
            return True
        amount = order.amount or ZERO
        gone = order.rest or order.state == "cancelled"
        back = amount if gone else min(amount, order.refunded)
        self.orders += 1
        self.cancelled += order.state == "cancelled"
        self.refunded += order.state != "cancelled" and (order.rest or order.refunded > 0)
        sums.orders += amount
        sums.returned += back
        sums.net += amount - back
        return True
