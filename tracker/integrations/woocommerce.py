"""WooCommerce's orders: by webhook (https://woocommerce.com/document/webhooks/) and by its REST API, version 3."""

import re
from collections.abc import Mapping
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

TOPIC, SIGNATURE = "HTTP_X_WC_WEBHOOK_TOPIC", "HTTP_X_WC_WEBHOOK_SIGNATURE"
ORDER_TOPICS = frozenset({"order.created", "order.updated", "order.restored"})
DELETED_TOPIC = "order.deleted"
PING = re.compile(rb"webhook_id=\d{1,12}")
"""What WooCommerce sends unsigned when a webhook is saved; it must be answered with 200."""

_PLACED = frozenset({"processing", "completed", "on-hold", "refunded"})
_CANCELLED = frozenset({"cancelled", "failed", "trash"})


def orders(topic: str, document: Mapping[str, Any]) -> list[ShopOrder] | None:
    """What a webhook tells; None for a topic that tells nothing of orders."""
    if topic in ORDER_TOPICS:
        return read(document)
    if topic == DELETED_TOPIC:
        number = identifier(document.get("id"))
        gone = ShopOrder(number, 0, 0, None, None, "", placed=False, cancelled=0)
        return [gone] if number else []
    return None


def read(order: Mapping[str, Any]) -> list[ShopOrder]:
    """An order of the API; none where it has no id. One that waits for its payment is told when it is paid."""
    number, status = identifier(order.get("id")), str(order.get("status") or "").removeprefix("wc-")
    if not number:
        return []
    total, updated = amount(order.get("total")), _gmt(order, "date_modified")
    refunds = [
        ShopRefund(identifier(each.get("id")), updated, abs(amount(each.get("total")) or 0.0))
        for each in mappings(order.get("refunds"))
        if identifier(each.get("id"))
    ]
    if status == "refunded" and not refunds:
        refunds = [ShopRefund("rest", updated, None)]
    return [
        ShopOrder(
            number=number,
            created=_gmt(order, "date_created"),
            updated=updated,
            amount=total,
            first_amount=total,
            currency=str(order.get("currency") or ""),
            user=identifier(order.get("customer_id")) or email(mapping(order.get("billing")).get("email")),
            lines=[_line(line) for line in mappings(order.get("line_items"))],
            refunds=refunds,
            placed=status in _PLACED or (status == "cancelled" and bool(order.get("date_paid"))),
            cancelled=updated if status in _CANCELLED else None,
            more={"order_number": order.get("number"), "coupon": _coupon(order)},
        )
    ]


def _gmt(order: Mapping[str, Any], name: str) -> int:
    return moment(order.get(f"{name}_gmt")) or moment(order.get(name))


def _coupon(order: Mapping[str, Any]) -> str:
    codes = [identifier(line.get("code")) for line in mappings(order.get("coupon_lines"))]
    return next((code for code in codes if code), "")


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    """``price`` is what was paid for one."""
    told = {
        "product_id": identifier(line.get("product_id")) or identifier(line.get("sku")),
        "sku": identifier(line.get("sku")),
        "variant": identifier(line.get("variation_id")),
        "name": line.get("name"),
        "quantity": line.get("quantity"),
        "price": amount(line.get("price")),
    }
    return {member: value for member, value in told.items() if value not in (None, "")}
