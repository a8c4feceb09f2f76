"""The products, order and revenue that an event names, by Segment's e-commerce conventions.

https://segment.com/docs/connections/spec/ecommerce/v2/ names the properties.
"""

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from profiles.facts import ProductLine

LINES_LIMIT = 200
AMOUNT_LIMIT = 1e12


ORDER_EVENTS = frozenset({"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"})
"""The transitions of an order."""
AMOUNTS = ("revenue", "total", "value")


class Order(NamedTuple):
    """What an event reports of an order: see ``profiles.facts.Facts``."""

    id: str | None
    revenue: float | None
    currency: str | None
    refund: str | None = None
    unread: bool = False
    """Whether a refund's amount cannot be read: then it is set apart."""


NO_ORDER = Order(None, None, None)


def product_lines(props: Mapping[str, Any]) -> tuple[ProductLine, ...]:
    """The lines of ``props``: its ``products`` list, else the one product it names itself."""
    many = props.get("products")
    if isinstance(many, list):
        lines = (_line(item) for item in many[:LINES_LIMIT] if isinstance(item, Mapping))
        return tuple(line for line in lines if line)
    one = _line(props)
    return (one,) if one else ()


def _line(props: Mapping[str, Any]) -> ProductLine | None:
    product = text(props.get("product_id")) or text(props.get("sku"))
    if not product:
        return None
    quantity = number(props.get("quantity"))
    return ProductLine(
        product=product,
        category=text(props.get("category")),
        quantity=1.0 if quantity is None else quantity,
        price=number(props.get("price")) or 0.0,
        name=text(props.get("name")),
    )


def order(name: str, props: Mapping[str, Any]) -> Order:
    """The order that an event reports.

    Revenue is ``revenue``, else ``total``, else ``value``, else what the product lines add up to. A refund or an update
    that names neither amount nor lines has none.
    """
    currency = text(props.get("currency")).upper()[:3] or None
    if name not in ORDER_EVENTS:
        return Order(None, None, currency)
    order_id = text(props.get("order_id")) or None
    if name == "Order Cancelled":
        return Order(order_id, None, currency)
    amounts = (number(props.get(key)) for key in AMOUNTS)
    amount = next((given for given in amounts if given is not None), None)
    lines = product_lines(props)
    if amount is None and (name == "Order Completed" or any(line.price for line in lines)):
        amount = sum(line.price * line.quantity for line in lines)
    if name != "Order Refunded":
        return Order(order_id, None if amount is None else abs(amount), currency)
    revenue = None if amount is None else -abs(amount)
    unread = revenue is None and any(text(props.get(key)) for key in AMOUNTS)
    return Order(order_id, revenue, currency, _refund(props, revenue, lines), unread)


def _refund(props: Mapping[str, Any], revenue: float | None, lines: tuple[ProductLine, ...]) -> str:
    """The refund's id. A refund that is told twice without one is known by what it says."""
    if named := text(props.get("refund_id")) or text(props.get("credit_note_id")):
        return named
    said = repr((revenue, sorted((line.product, line.quantity) for line in lines)))
    return "=" + blake2b(said.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def text(value: object, limit: int = 200) -> str:
    """A string or number as a trimmed string, "" for anything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()[:limit]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else ""


def number(value: object) -> float | None:
    """A finite amount within bounds, from a number or a numeric string; None otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) and abs(parsed) < AMOUNT_LIMIT else None
