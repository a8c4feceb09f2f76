"""A naive ledger of orders, to compare with: every transition is kept, and what is left is counted at the end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tracker.event import SITE, Event

TOLD = ("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled")


class Counted(NamedTuple):
    orders: int
    revenue: Decimal
    last_order: int
    bought: Counter[tuple[str, int]]
    """(product, time of the order)"""


def amount(props: dict[str, Any]) -> Decimal | None:
    said = props.get("revenue")
    return None if said is None else Decimal(str(said))


def lines(props: dict[str, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in props.get("products", ()):
        found[line["product_id"]] += line.get("quantity", 1)
    return found


def owner(told: Sequence[Event]) -> Event | None:
    """The completion that counts."""
    completed = [one for one in told if one.name == "Order Completed"]
    return min(completed, key=lambda one: (one.sender != SITE, one.ts), default=None)


def left_of(told: Sequence[Event]) -> tuple[Decimal, int, Counter[str]] | None:
    """Amount, time and products that are left of one order; None where it does not stand."""
    base = owner(told)
    if base is None or any(one.name == "Order Cancelled" for one in told):
        return None
    completed = sorted(told, key=lambda one: (one.sender != SITE, one.ts))
    lined = (lines(one.props) for one in completed if one.name == "Order Completed")
    total, products = amount(base.props) or Decimal(0), next(filter(None, lined), Counter())
    updates = [one for one in told if one.name == "Order Updated"]
    for one in sorted(updates, key=lambda one: one.ts):
        said = amount(one.props)
        total = total if said is None else said
        products = lines(one.props) or products
    refunds: dict[str, Event] = {}
    for one in sorted(told, key=lambda one: one.ts):
        if one.name == "Order Refunded":
            refunds.setdefault(one.props["refund_id"], one)
    back = [amount(one.props) for one in refunds.values()]  # the lines of these events tell no prices
    if None in back:
        return None
    paid = total - sum((each for each in back if each is not None), Decimal(0))
    if total and paid <= 0:
        return None
    for one in refunds.values():
        products.subtract(lines(one.props))
    return max(paid, Decimal(0)), min(one.ts for one in told if one.name == "Order Completed"), +products


def counted(events: Iterable[Event]) -> Counted:
    """What one person's events leave, if each event of an order is theirs."""
    orders: dict[str, list[Event]] = {}
    notes: dict[str, Event] = {}
    for one in sorted(events, key=lambda one: one.ts):
        if one.name not in TOLD:
            continue
        if one.name == "Order Refunded" and not one.props.get("order_id"):
            notes.setdefault(one.props["refund_id"], one)
        else:
            orders.setdefault(one.props.get("order_id") or one.id, []).append(one)
    left = [each for told in orders.values() if (each := left_of(told))]
    bought = {(product, when): n for _, when, products in left for product, n in products.items()}
    for note in sorted(notes.values(), key=lambda one: one.ts):
        for product, number in lines(note.props).items():
            for name in sorted(
                (n for n in bought if n[0] == product and n[1] <= note.ts), key=lambda n: -n[1]
            ):
                taken = min(number, bought[name])
                bought[name] -= taken
                number -= taken
    revenue = sum((each[0] for each in left), Decimal(0))
    revenue -= sum((amount(note.props) or Decimal(0) for note in notes.values()), Decimal(0))
    return Counted(
        len(left),
        revenue,
        max((each[1] for each in left), default=0),
        Counter(name for name, number in bought.items() if number > 0),
    )
