"""The products, order and revenue that an event names, by Segment's e-commerce conventions.

https://segment.com/docs/connections/spec/ecommerce/v2/ names the properties.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from profiles.facts import ProductLine

LINES_LIMIT = 200
AMOUNT_LIMIT = 1e12


class Order(NamedTuple):
    """``revenue`` is None unless the event is an order; a refund's is negative."""

    id: str | None
    revenue: float | None
    currency: str | None


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

    Revenue is ``revenue``, else ``total``, else ``value``, else what the product lines add up to.
    """
    currency = text(props.get("currency")).upper()[:3] or None
    if name not in ("Order Completed", "Order Refunded"):
        return Order(None, None, currency)
    amounts = (number(props.get(key)) for key in ("revenue", "total", "value"))
    amount = next((given for given in amounts if given is not None), None)
    if amount is None:
        amount = sum(line.price * line.quantity for line in product_lines(props))
    sign = -1.0 if name == "Order Refunded" else 1.0
    return Order(text(props.get("order_id")) or None, sign * abs(amount), currency)


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
