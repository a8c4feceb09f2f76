"""An order as a hosted shop tells it, whole, and the events that it amounts to.

A shop tells the state of an order several times: by webhooks, some of which get lost or come twice, and by its REST
API. Each time all transitions follow from the state, and their ids from what they say. So the order counts once, and
the next telling makes good what was lost.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from tracker import values
from tracker.event import SITE, Event

EDIT_MS = 5_000
"""An order that was changed sooner after it was made is as it was made."""
ID_CHARACTERS = 200


class ShopRefund(NamedTuple):
    """One refund. ``amount`` is None for all that is left; ``at`` in ms."""

    id: str
    at: int
    amount: float | None
    lines: Sequence[Mapping[str, Any]] = ()


class ShopOrder(NamedTuple):
    """An order. Times in ms. ``amount`` is what was ordered, before refunds; ``first_amount`` what it was at first.

    ``placed``: it counts as an order, unlike one that nobody has paid or confirmed. ``edited``: its content may differ
    from what it was at first. ``lines`` have ``product_id``, ``name``, ``quantity`` (before refunds) and ``price``.
    ``first_lines``: those at first, where they are known apart.
    """

    number: str
    created: int
    updated: int
    amount: float | None
    first_amount: float | None
    currency: str
    user: str = ""
    lines: Sequence[Mapping[str, Any]] = ()
    refunds: Sequence[ShopRefund] = ()
    placed: bool = True
    edited: bool = True
    cancelled: int | None = None
    more: Mapping[str, Any] = {}
    first_lines: Sequence[Mapping[str, Any]] | None = None


def events_of(order: ShopOrder, shop: str, site: str, received: int) -> list[Event]:
    """The transitions that the order has made so far, of ``shop``'s at ``site``."""
    return [
        Event(
            site=site,
            id=_id(shop, site, order.number, *identity),
            type="track",
            name=name,
            visitor=None if order.user else f"order:{shop}:{order.number}"[:ID_CHARACTERS],
            user=order.user or None,
            ts=at if 0 < at <= received else received,
            received=received,
            props=values.settled({"order_id": order.number, **_said(props)}),
            context={"library": {"name": shop}},
            source="api",
            proven=bool(order.user),
            sender=SITE,
        )
        for name, at, identity, props in _transitions(order)
    ]


def _transitions(order: ShopOrder) -> Iterator[tuple[str, int, tuple[object, ...], dict[str, Any]]]:
    content = {"currency": order.currency, "products": order.lines, **order.more}
    if order.placed:
        lines = order.lines if order.first_lines is None else order.first_lines
        first = {"revenue": order.first_amount, **content, "products": lines}
        yield "Order Completed", order.created, ("completed",), first
        if order.edited and order.updated > order.created + EDIT_MS:
            now = {"revenue": order.amount, **content}
            said = msgspec.json.encode(now, order="deterministic").hex()
            yield "Order Updated", order.updated, ("updated", order.updated, said), now
    for refund in order.refunds:
        props = {"refund_id": refund.id, "revenue": refund.amount, "currency": order.currency}
        yield "Order Refunded", refund.at, ("refunded", refund.id), {**props, "products": refund.lines}
    if order.cancelled is not None:
        yield "Order Cancelled", order.cancelled, ("cancelled",), {}


def _said(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if value not in (None, "", [], ())}


def _id(*what: object) -> str:
    return "shop-" + blake2b(msgspec.json.encode([str(each) for each in what]), digest_size=16).hexdigest()


def amount(value: object) -> float | None:
    """A decimal number as the shop's API writes it, "12900.00" or 12900; None for anything else."""
    exact = decimal(value)
    return None if exact is None else float(exact)


def decimal(value: object) -> Decimal | None:
    """As ``amount``, exactly."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and abs(exact) < 10**12 else None


def moment(value: object) -> int:
    """An ISO 8601 time in ms, in UTC where it names no zone; 0 for anything else."""
    try:
        parsed = datetime.fromisoformat(value if isinstance(value, str) else "")
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def identifier(value: object) -> str:
    """An id as text; "" for 0, which says that there is none, and for what is no id."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()[:ID_CHARACTERS]
    return text if text.isprintable() and text != "0" else ""


def email(value: object) -> str:
    """An e-mail address as the id of a guest; "" for anything else."""
    text = identifier(value).lower()
    return text if "@" in text else ""


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
