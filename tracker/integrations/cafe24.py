"""Cafe24's orders: by webhook and by its Admin API (https://developers.cafe24.com/docs/en/api/admin/).

A webhook tells an order's amount and state. What was cancelled or returned in part, and for how much, only the API
tells.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tracker.integrations.shop_order import (
    ShopOrder,
    ShopRefund,
    amount,
    email,
    identifier,
    mapping,
    mappings,
    moment,
)

TOPIC, SIGNATURE = "", "HTTP_X_API_KEY"
ORDER_EVENTS = frozenset({90023, 90025, 90026, 90027, 90029, 90031})
"""Numbers of events: placed; payment, cancellation, return and refund changed; a product added."""
BULK_EVENTS = frozenset({90071, 90072, 90073, 90074})
"""The same for many orders at once: they name the orders alone."""
_PAID = ("T", "M")
_CANCELLED, _RETURNED = "C4", "R4"
"""How the statuses of a line begin that was cancelled, or came back."""


def orders(_topic: str, document: Mapping[str, Any]) -> list[ShopOrder] | None:
    """What a webhook tells; None for an event that tells nothing of orders."""
    number = document.get("event_no")
    if number in BULK_EVENTS:
        return []
    if number not in ORDER_EVENTS:
        return None
    resource = mapping(document.get("resource"))
    lines = [
        {"product_id": product, "name": name, "quantity": 1}
        for product, name in zip(*_listed(resource), strict=False)
    ]
    return [
        ShopOrder(
            order,
            created=moment(resource.get("order_date")),
            updated=0,
            amount=amount(resource.get("actual_payment_amount")),
            first_amount=amount(resource.get("actual_payment_amount")),
            currency=str(resource.get("currency") or ""),
            user=_user(resource),
            lines=lines,
            placed=resource.get("paid") in _PAID,
            edited=False,
            cancelled=moment(resource.get("cancel_date")) or None,
        )
        for order in filter(None, [identifier(resource.get("order_id"))])
    ]


def read(order: Mapping[str, Any]) -> list[ShopOrder]:
    """An order of the API, asked for with its items."""
    number, updated = identifier(order.get("order_id")), moment(order.get("order_date"))
    if not number:
        return []
    items = mappings(order.get("items"))
    paid = amount(mapping(order.get("initial_order_amount")).get("payment_amount"))
    paid = amount(order.get("payment_amount")) if paid is None else paid
    whole = order.get("canceled") == "T"
    return [
        ShopOrder(
            number,
            created=moment(order.get("order_date")),
            updated=updated,
            amount=paid,
            first_amount=paid,
            currency=str(order.get("currency") or ""),
            user=_user(order),
            lines=[_line(item) for item in items],
            refunds=() if whole else list(_refunds(items)),
            placed=order.get("paid") in _PAID,
            edited=False,
            cancelled=(moment(order.get("cancel_date")) or updated) if whole else None,
        )
    ]


def _refunds(items: list[Mapping[str, Any]]) -> Iterator[ShopRefund]:
    """Each line that was cancelled or came back is a refund."""
    for item in items:
        status = str(item.get("order_status") or "")
        if not status.startswith((_CANCELLED, _RETURNED)):
            continue
        line, worth = _line(item), amount(item.get("payment_amount"))
        if worth is None:
            worth = (line.get("price") or 0.0) * (amount(item.get("quantity")) or 0.0)
        at = (
            moment(item.get("cancel_date"))
            or moment(item.get("return_date"))
            or moment(item.get("ordered_date"))
        )
        yield ShopRefund(
            identifier(item.get("order_item_code")) or line.get("product_id", ""), at, worth, [line]
        )


def _user(order: Mapping[str, Any]) -> str:
    return identifier(order.get("member_id")) or email(order.get("buyer_email"))


def _listed(resource: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Codes and names of the products, which stand in one text each."""
    codes, names = (str(resource.get(f"ordering_product_{what}") or "") for what in ("code", "name"))
    several = [code.strip() for code in codes.split(",") if code.strip()]
    given = names.split(",") if len(several) > 1 else [names]
    return several, given if len(given) == len(several) else [""] * len(several)


def _line(item: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "product_id": identifier(item.get("product_code")) or identifier(item.get("product_no")),
        "variant": identifier(item.get("variant_code")),
        "name": item.get("product_name"),
        "quantity": item.get("quantity"),
        "price": amount(item.get("product_price")),
    }
    return {member: value for member, value in told.items() if value not in (None, "")}
