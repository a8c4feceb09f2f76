"""Webhooks as Shopify, WooCommerce and Cafe24 document them: their members, and how they are signed."""

import hmac
import json
from base64 import b64encode
from typing import Any

SECRET = "shop-secret"


def signature(body: bytes, secret: str = SECRET) -> str:
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def shopify_order(**changes: Any) -> dict[str, Any]:
    """An order of two lines, 25.00 with postage."""
    return {
        "id": 820982911946154508,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "name": "#1001",
        "order_number": 1001,
        "email": "Jon@example.com",
        "test": False,
        "currency": "EUR",
        "created_at": "2026-11-10T10:00:00-05:00",
        "processed_at": "2026-11-10T10:00:00-05:00",
        "updated_at": "2026-11-10T10:00:01-05:00",
        "cancelled_at": None,
        "financial_status": "paid",
        "total_price": "25.00",
        "current_total_price": "25.00",
        "subtotal_price": "20.00",
        "discount_codes": [{"code": "SAVE5", "amount": "5.00", "type": "fixed_amount"}],
        "customer": {"id": 115310627314723954, "email": "jon@example.com", "first_name": "Jon"},
        "line_items": [
            shopify_line(1, 632910392, "Socks", "5.00", 2),
            shopify_line(2, 921728736, "Shirt", "10.00", 1),
        ],
        "refunds": [],
        **changes,
    }


def shopify_line(number: int, product: int, title: str, price: str, quantity: int) -> dict[str, Any]:
    return {
        "id": number,
        "product_id": product,
        "variant_id": product + 1,
        "sku": f"SKU-{number}",
        "title": title,
        "price": price,
        "quantity": quantity,
        "current_quantity": quantity,
    }


def shopify_refund(number: int = 509562969, amount: str = "5.00", line: int = 1) -> dict[str, Any]:
    """One of the socks came back."""
    return {
        "id": number,
        "order_id": 820982911946154508,
        "created_at": "2026-11-11T09:00:00-05:00",
        "processed_at": "2026-11-11T09:00:00-05:00",
        "refund_line_items": [
            {
                "quantity": 1,
                "line_item_id": line,
                "line_item": shopify_line(1, 632910392, "Socks", "5.00", 2),
                "subtotal": 5.0,
            }
        ],
        "transactions": [{"kind": "refund", "status": "success", "amount": amount, "currency": "EUR"}],
    }


def woocommerce_order(**changes: Any) -> dict[str, Any]:
    return {
        "id": 727,
        "number": "727",
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-11-10T15:00:00",
        "date_modified_gmt": "2026-11-10T15:00:02",
        "date_paid": "2026-11-10T16:00:02",
        "total": "25.00",
        "customer_id": 26,
        "billing": {"email": "john@example.com"},
        "coupon_lines": [],
        "line_items": [
            {
                "id": 315,
                "name": "Socks",
                "product_id": 93,
                "variation_id": 0,
                "quantity": 2,
                "price": 5,
                "sku": "S1",
            },
            {
                "id": 316,
                "name": "Shirt",
                "product_id": 22,
                "variation_id": 23,
                "quantity": 1,
                "price": 10,
                "sku": "",
            },
        ],
        "refunds": [],
        **changes,
    }


def cafe24_event(number: int = 90023, **changes: Any) -> dict[str, Any]:
    return {
        "event_no": number,
        "resource": {
            "mall_id": "bestshop",
            "event_shop_no": "1",
            "order_id": "20261120-0000023",
            "currency": "KRW",
            "order_date": "2026-11-10T02:20:20+09:00",
            "member_id": "gdhong",
            "buyer_email": "gdhong@example.com",
            "paid": "T",
            "order_price_amount": "24680.00",
            "actual_payment_amount": "24580",
            "cancel_date": None,
            "ordering_product_code": "P00000HK,P00000HL",
            "ordering_product_name": "Socks,Shirt",
            **changes,
        },
    }


def webhook(shop: str, document: Any, topic: str = "", secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """The body and the headers (in WSGI's names) of a webhook."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    if shop == "cafe24":
        return body, {"HTTP_X_API_KEY": secret}
    prefix = {"shopify": "HTTP_X_SHOPIFY", "woocommerce": "HTTP_X_WC_WEBHOOK"}[shop]
    sign = {"shopify": "HTTP_X_SHOPIFY_HMAC_SHA256", "woocommerce": "HTTP_X_WC_WEBHOOK_SIGNATURE"}[shop]
    return body, {f"{prefix}_TOPIC": topic, sign: signature(body, secret)}
