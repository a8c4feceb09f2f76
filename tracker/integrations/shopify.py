"""Shopify's orders: by webhook (https://shopify.dev/docs/api/webhooks) and by its Admin REST API."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tracker.integrations.shop_order import (
    ShopOrder,
    ShopRefund,
    amount,
    decimal,
    email,
    identifier,
    mapping,
    mappings,
    moment,
)

TOPIC, SIGNATURE = "HTTP_X_SHOPIFY_TOPIC", "HTTP_X_SHOPIFY_HMAC_SHA256"
ORDER_TOPICS = frozenset(
    f"orders/{what}"
    for what in ("create", "paid", "updated", "edited", "cancelled", "fulfilled", "partially_fulfilled")
)
REFUND_TOPIC = "refunds/create"


def orders(topic: str, document: Mapping[str, Any]) -> list[ShopOrder] | None:
    """What a webhook tells; None for a topic that tells nothing of orders."""
    if topic in ORDER_TOPICS:
        return read(document)
    if topic == REFUND_TOPIC:
        return _refund_alone(document)
    return None


def read(order: Mapping[str, Any]) -> list[ShopOrder]:
    """An order of the API; none where it has no id, or is a test."""
    number, created = identifier(order.get("id")), moment(order.get("created_at"))
    if not number or order.get("test") is True:
        return []
    refunds = [_refund(each) for each in mappings(order.get("refunds")) if identifier(each.get("id"))]
    given_back = sum((decimal(each.amount) or Decimal(0) for each in refunds), Decimal(0))
    current = decimal(order.get("current_total_price"))
    first = amount(order.get("total_price"))
    cancelled, lines = moment(order.get("cancelled_at")), mappings(order.get("line_items"))
    returned = Counter[object]()
    for refund in mappings(order.get("refunds")):
        for line in mappings(refund.get("refund_line_items")):
            returned[line.get("line_item_id")] += int(amount(line.get("quantity")) or 0)
    return [
        ShopOrder(
            number=number,
            created=moment(order.get("processed_at")) or created,
            updated=moment(order.get("updated_at")),
            # The current price is what is left after edits and refunds.
            amount=first if current is None else float(current + given_back),
            first_amount=first,
            currency=str(order.get("currency") or ""),
            user=_user(order),
            lines=[_line(line, _left_or_returned(line, returned)) for line in lines],
            first_lines=[_line(line, line.get("quantity")) for line in lines],
            refunds=refunds,
            placed=order.get("financial_status") != "voided" or bool(cancelled),
            cancelled=cancelled or None,
            more={"order_name": order.get("name"), "coupon": _coupon(order)},
        )
    ]


def _user(order: Mapping[str, Any]) -> str:
    """The customer's id, else the e-mail of a guest."""
    return identifier(mapping(order.get("customer")).get("id")) or email(order.get("email"))


def _coupon(order: Mapping[str, Any]) -> str:
    codes = [identifier(code.get("code")) for code in mappings(order.get("discount_codes"))]
    return next((code for code in codes if code), "")


def _left_or_returned(line: Mapping[str, Any], returned: Mapping[object, int]) -> object:
    """How many were ordered after all edits: what is left, and what came back."""
    left = line.get("current_quantity")
    return line.get("quantity") if left is None else (amount(left) or 0.0) + returned.get(line.get("id"), 0)


def _line(line: Mapping[str, Any], quantity: object) -> dict[str, Any]:
    told = {
        "product_id": identifier(line.get("product_id")) or identifier(line.get("sku")),
        "sku": identifier(line.get("sku")),
        "variant": identifier(line.get("variant_id")),
        "name": line.get("title") or line.get("name"),
        "quantity": quantity,
        "price": amount(line.get("price")),
    }
    return {member: value for member, value in told.items() if value not in (None, "")}


def _refund(refund: Mapping[str, Any]) -> ShopRefund:
    """What was paid back, however many payments that took; 0 where goods came back and no money went."""
    paid = [
        decimal(each.get("amount")) or Decimal(0)
        for each in mappings(refund.get("transactions"))
        if each.get("kind") == "refund" and each.get("status") not in ("failure", "error")
    ]
    lines = mappings(refund.get("refund_line_items"))
    return ShopRefund(
        id=identifier(refund.get("id")),
        at=moment(refund.get("processed_at")) or moment(refund.get("created_at")),
        amount=float(sum(paid, Decimal(0))),
        lines=[_line(mapping(line.get("line_item")), line.get("quantity")) for line in lines],
    )


def _refund_alone(refund: Mapping[str, Any]) -> list[ShopOrder]:
    """A refund that came without its order."""
    number = identifier(refund.get("order_id"))
    if not number or not identifier(refund.get("id")):
        return []
    paid = mappings(refund.get("transactions"))
    currency = next((str(each["currency"]) for each in paid if each.get("currency")), "")
    return [ShopOrder(number, 0, 0, None, None, currency, placed=False, refunds=[_refund(refund)])]
