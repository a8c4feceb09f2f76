"""An order in a file as the events that are missing: completed, corrected, refunded or cancelled.

An event's id comes from the order and from what the file says of it, so that nothing is told twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from ingest.order_files.countries import country_code
from ingest.order_files.order import ZERO, FileOrder, Line
from ingest.order_files.stored import NOT_STORED, PARTS, SAID, StoredOrder
from tracker import values
from tracker.event import SITE, Event
from tracker.sites import Site


class Transitions:
    """For one site. ``received`` is now, in ms. ``notes`` counts what a file says and no event can tell."""

    def __init__(self, site: Site, received: int) -> None:
        self._site, self._received = site, received
        self.notes: defaultdict[str, int] = defaultdict(int)

    def ids(self, order: FileOrder) -> Iterable[str]:
        """The ids by which an order without a number, or a credit note, is known again."""
        if order.credit:
            return [self._id(order, "credit", part) for part in range(PARTS)]
        return () if order.number else [self._id(order, "Order Completed")]

    def missing(self, order: FileOrder, known: StoredOrder = NOT_STORED) -> list[Event]:
        """The events that bring what is known to what the file says, in the order of their times."""
        if order.credit:
            return self._credit(order, known)
        if order.state == "unpaid":
            return []
        events, said = [], _said(order)
        first = self._id(order, "Order Completed")
        latest = max(known.latest, order.ts)
        if first not in known.ids and known.served is not None:
            if known.served != order.amount:
                self.notes["told by the shop's server with another amount: stays as it was"] += 1
        elif first not in known.ids:
            events.append(
                self._event(order, first, "Order Completed", order.ts, _content(order) | {SAID: said})
            )
        elif order.number and said != known.said:
            latest += 1
            number = known.updates() + 1
            update = self._id(order, "Order Updated", number, said)
            events.append(self._event(order, update, "Order Updated", latest, _content(order) | {SAID: said}))
        if order.state == "cancelled":
            if not known.cancelled:
                at = max(order.cancelled_at, latest + 1)
                events.append(
                    self._event(order, self._id(order, "Order Cancelled"), "Order Cancelled", at, {})
                )
        else:
            if known.cancelled:
                self.notes["cancelled before, and not in the file: stays cancelled"] += 1
            events += self._refunds(order, known, latest)
        return events

    def _refunds(self, order: FileOrder, known: StoredOrder, latest: int) -> list[Event]:
        at = max(order.refunded_at, latest + 1)
        if order.rest:
            if known.rest or (order.amount is not None and ZERO < order.amount <= known.refunded):
                return []
            props = {"refund_id": "rest"}  # with lines, it would be their amount
            return [
                self._event(order, self._id(order, "Order Refunded", "rest"), "Order Refunded", at, props)
            ]
        if order.state == "partly" and not order.refunded and not order.returns:
            self.notes["refunded in part, without an amount: counted whole"] += 1
        amount = order.refunded - known.refunded
        if known.rest or amount < 0:
            self.notes["refunded before, and less in the file: stays refunded"] += 1
            return []
        lines = _left(order.returns, known.returned)
        if not amount and not lines:
            return []
        return [
            self._refund(
                order,
                self._id(order, "Order Refunded", str(order.refunded), _lines_said(lines)),
                at,
                amount,
                lines,
            )
        ]

    def _credit(self, order: FileOrder, known: StoredOrder) -> list[Event]:
        """A credit note: a refund without an order. Where it has grown, another one tells the difference."""
        amount = order.refunded - known.refunded
        if amount < 0:
            self.notes["a credit note that is smaller than before: stays as it was"] += 1
            return []
        lines = _left(order.returns, known.returned)
        part = len(known.ids)
        if (part and not amount and not lines) or part >= PARTS:
            return []
        return [self._refund(order, self._id(order, "credit", part), order.ts, amount, lines, part)]

    def _refund(
        self, order: FileOrder, event_id: str, at: int, amount: Decimal, lines: Sequence[Line], part: int = 0
    ) -> Event:
        number = f"{order.key}#{part + 1}" if part else order.key
        props = {
            "refund_id": number if order.credit else f"file {order.refunded.normalize():f} {event_id[-8:]}",
            "revenue": float(amount),
            "currency": order.currency,
            "products": [_product(line, -line.quantity) for line in lines],
            **(order.props if order.credit else {}),
        }
        return self._event(order, event_id, "Order Refunded", at, props)

    def _id(self, order: FileOrder, *what: object) -> str:
        identity = msgspec.json.encode((self._site.id, order.key, *map(str, what)))
        return "order-" + blake2b(identity, digest_size=16).hexdigest()

    def _event(self, order: FileOrder, event_id: str, name: str, ts: int, props: dict[str, Any]) -> Event:
        if order.number and not order.credit:
            props = {"order_id": order.number, **props}
        user = order.user or order.email
        country = country_code(str(order.props.get("country", "")))
        context = {"backfill": True, "country": country, "session": order.session}
        return Event(
            site=self._site.id,
            id=event_id,
            type="track",
            name=name,
            visitor=order.visitor or (None if user else f"order:{order.key}"[:200]),
            user=user or None,
            ts=ts,
            received=self._received,
            props=values.settled({name: value for name, value in props.items() if value not in ("", None)}),
            context={name: value for name, value in context.items() if value},
            source="api",
            proven=bool(user),  # the shop's own file
            sender=SITE,
        )


def _content(order: FileOrder) -> dict[str, Any]:
    return {
        "revenue": None if order.amount is None else float(order.amount),
        "currency": order.currency,
        "products": [_product(line, line.quantity) for line in order.lines],
        **order.props,
    }


def _said(order: FileOrder) -> str:
    """A digest of what may be corrected."""
    content = msgspec.json.encode(_content(order), order="deterministic")
    return blake2b(content, digest_size=8).hexdigest()


def _product(line: Line, quantity: Decimal) -> dict[str, Any]:
    told = {
        "product_id": line.item,
        "name": line.name,
        "category": line.category,
        "quantity": _number(quantity),
        "price": float(line.price),
        "cost": None if line.cost is None else float(line.cost),
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _left(returns: Sequence[Line], known: dict[str, Decimal]) -> list[Line]:
    """The returned lines without those that are known to have come back."""
    before, left = dict(known), []
    for line in returns:
        quantity = -line.quantity
        seen = min(quantity, before.get(line.item, ZERO))
        before[line.item] = before.get(line.item, ZERO) - seen
        if quantity > seen:
            left.append(line._replace(quantity=seen - quantity))
    return left


def _lines_said(lines: Sequence[Line]) -> str:
    return repr([(line.item, str(line.quantity)) for line in lines])
