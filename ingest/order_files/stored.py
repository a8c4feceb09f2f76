"""What the warehouse knows already of the orders in a file."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from ingest.order_files.order import ZERO, FileOrder
from tracker.event import SITE
from warehouse.events import Events
from warehouse.question.scope import Scope

SAID = "import"
"""The property with a digest of what the file said of an order."""
_WHOLE = ("Order Completed", "Order Updated")
PARTS = 8
"""How often a credit note may grow."""

_KNOWN = """
select id, name, ts, "order", revenue, refund, sender, props from events
where name in ('Order Completed', 'Order Updated', 'Order Refunded', 'Order Cancelled') and doubtful is not true
and ("order" in (select unnest($orders::varchar[])) or id in (select unnest($ids::varchar[])))
order by ts, id
"""


class Transition(NamedTuple):
    """A stored event of an order. ``amount`` is the order's, of a refund what it takes off, None for the rest."""

    id: str
    name: str
    ts: int
    refund: str
    amount: Decimal | None
    said: str
    lines: Mapping[str, Decimal]
    sender: str


class StoredOrder:
    """The transitions of one order that are known, the oldest first."""

    def __init__(self, transitions: Sequence[Transition] = ()) -> None:
        self.transitions = transitions
        self.ids = frozenset(each.id for each in transitions)
        self.latest = max((each.ts for each in transitions), default=0)
        self.cancelled = any(each.name == "Order Cancelled" for each in transitions)
        refunds = {each.refund: each for each in reversed(transitions) if each.name == "Order Refunded"}
        self.rest = any(each.amount is None for each in refunds.values())
        self.refunded = sum((each.amount for each in refunds.values() if each.amount is not None), ZERO)
        self.returned: dict[str, Decimal] = defaultdict(Decimal)
        for each in refunds.values():
            for item, quantity in each.lines.items():
                self.returned[item] += quantity

    @property
    def said(self) -> str:
        """What a file said of the order last; "" when none did."""
        return next((each.said for each in reversed(self.transitions) if each.said), "")

    @property
    def served(self) -> Decimal | None:
        """The amount that the shop's own server told last; None where it did not tell of the order."""
        told = [
            each for each in self.transitions if each.name in _WHOLE and each.sender == SITE and not each.said
        ]
        if not any(each.name == "Order Completed" for each in told):
            return None
        return next((each.amount for each in reversed(told) if each.amount is not None), ZERO)

    def updates(self) -> int:
        """How often files have corrected it."""
        return sum(1 for each in self.transitions if each.said and each.name == "Order Updated")


NOT_STORED = StoredOrder()


def stored_orders(
    events: Events, site: str, orders: Collection[FileOrder], ids: Mapping[str, str]
) -> dict[str, StoredOrder]:
    """By the key of each order that is known. ``ids``: event id → key, of orders without a number and credit notes.
    Raises WarehouseUnavailable."""
    numbers = {order.number: order.key for order in orders if order.number and not order.credit}
    start = min((order.ts for order in orders), default=0)
    params = {"orders": list(numbers), "ids": list(ids)}
    found: dict[str, list[Transition]] = defaultdict(list)
    for row in events.rows(_KNOWN, Scope(site, start, bots=True), params):
        key = ids.get(row["id"]) or numbers.get(row["order"] or "")
        if key:
            found[key].append(_transition(row))
    return {key: StoredOrder(transitions) for key, transitions in found.items()}


def _transition(row: Mapping[str, Any]) -> Transition:
    props = msgspec.json.decode(row["props"])
    lines: dict[str, Decimal] = defaultdict(Decimal)
    for line in props.get("products") or () if isinstance(props.get("products"), list) else ():
        if isinstance(line, dict):
            lines[str(line.get("product_id", ""))] += Decimal(str(line.get("quantity") or 0))
    revenue, told = row["revenue"], props.get("revenue")  # told: before it was converted
    exact = told if isinstance(told, int | float) and not isinstance(told, bool) else revenue
    amount = None if revenue is None else abs(Decimal(repr(exact)))
    said = props.get(SAID)
    return Transition(
        row["id"],
        row["name"],
        row["ts"],
        row["refund"] or "",
        amount,
        said if isinstance(said, str) else "",
        lines,
        row["sender"] or "",
    )
