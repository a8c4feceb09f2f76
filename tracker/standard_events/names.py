"""Names of e-commerce events: what other products call them, and the one name by which Dangol counts them.

The standard names are Segment's (https://segment.com/docs/connections/spec/ecommerce/v2/). A name is renamed only where
the whole of it is a synonym; case, blanks, hyphens and underscores make no difference. A shop's own names stay as they
are.
"""

import re
from functools import lru_cache

STANDARD = (
    *(
        "Products Searched",
        "Product List Viewed",
        "Product List Filtered",
        "Product Clicked",
        "Product Viewed",
    ),
    *("Product Added", "Product Removed", "Cart Viewed", "Checkout Started", "Checkout Step Viewed"),
    *(
        "Checkout Step Completed",
        "Payment Info Entered",
        "Order Completed",
        "Order Updated",
        "Order Refunded",
    ),
    *("Order Cancelled", "Order Shipped", "Order Delivered", "Order Returned", "Promotion Viewed"),
    *("Promotion Clicked", "Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed"),
    *("Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart"),
    *("Product Shared", "Cart Shared", "Product Reviewed"),
)

SYNONYMS: dict[str, tuple[str, ...]] = {
    "Products Searched": ("Searched Products", "view_search_results", "Submitted Search"),
    "Product List Viewed": (
        "Viewed Product Category",
        "Viewed Product List",
        "view_item_list",
        "Viewed Collection",
    ),
    "Product Clicked": ("Clicked Product", "select_item"),
    "Product Viewed": ("Viewed Product", "view_item", "ViewContent"),
    "Product Added": ("Added Product", "Added to Cart", "Add to Cart", "AddToCart", "Product Added to Cart"),
    "Product Removed": (
        "Removed Product",
        "Removed from Cart",
        "remove_from_cart",
        "Product Removed from Cart",
    ),
    "Cart Viewed": ("Viewed Cart", "view_cart"),
    "Checkout Started": ("Started Checkout", "begin_checkout", "InitiateCheckout", "checkouts/create"),
    "Checkout Step Viewed": ("Viewed Checkout Step",),
    "Checkout Step Completed": ("Completed Checkout Step", "add_shipping_info"),
    "Payment Info Entered": ("Entered Payment Info", "add_payment_info", "AddPaymentInfo"),
    "Order Completed": (
        *("Completed Order", "Placed Order", "Order Placed", "purchase"),
        *("order.placed", "order.created", "orders/create", "orders/paid"),
    ),
    "Order Updated": ("Updated Order", "order.updated", "orders/updated", "orders/edited"),
    "Order Refunded": (
        "Refunded Order",
        "refund",
        "order.refunded",
        "order.refund_created",
        "refunds/create",
    ),
    "Order Cancelled": (
        *("Order Canceled", "Cancelled Order", "Canceled Order", "order.canceled", "order.cancelled"),
        *("orders/cancelled", "orders/canceled"),
    ),
    "Order Shipped": (
        *("Shipped Order", "Fulfilled Order", "Order Fulfilled", "Confirmed Shipment", "orders/fulfilled"),
        *("order.shipment_created", "shipment.created"),
    ),
    "Order Delivered": ("Delivered Order", "Delivered Shipment", "delivery.created", "order.delivered"),
    "Order Returned": (
        *("Returned Order", "order.returned", "order.items_returned", "order.return_received"),
        *("return.received",),
    ),
    "Order Item": ("Ordered Product",),
    "Promotion Viewed": ("Viewed Promotion", "view_promotion"),
    "Promotion Clicked": ("Clicked Promotion", "select_promotion"),
    "Coupon Entered": ("Entered Coupon",),
    "Coupon Applied": ("Applied Coupon",),
    "Coupon Denied": ("Denied Coupon",),
    "Coupon Removed": ("Removed Coupon",),
    "Product Added to Wishlist": (
        "Added Product to Wishlist",
        "Added to Wishlist",
        "add_to_wishlist",
        "AddToWishlist",
    ),
    "Product Removed from Wishlist": ("Removed Product from Wishlist",),
    "Product Reviewed": ("Reviewed Product",),
}
"""Standard name → Segment v1's, Klaviyo's, GA4's and Meta's names, and topics of Medusa's, WooCommerce's and Shopify's
webhooks. Klaviyo sends an Ordered Product for each line beside the Placed Order: it is no order of its own."""

EXACT = {"search": "Products Searched"}
"""Everyday words, which are synonyms only as they are written here."""

NAME_CHARACTERS = 60
"""A longer name is no synonym."""
_SEPARATORS = re.compile(r"[\s_-]+")


def _plain(name: str) -> str:
    return _SEPARATORS.sub(" ", name.strip()).casefold()


_TABLE = {_plain(name): name for name in STANDARD} | {
    _plain(synonym): name for name, synonyms in SYNONYMS.items() for synonym in synonyms
}


@lru_cache(maxsize=4096)
def standard_name(name: str) -> str:
    """The standard name of which ``name`` is a synonym, else ``name``.

    >>> standard_name("Placed Order"), standard_name("order_completed"), standard_name("Order Completed by Phone")
    ('Order Completed', 'Order Completed', 'Order Completed by Phone')
    """
    if len(name) > NAME_CHARACTERS:
        return name
    return EXACT.get(name) or _TABLE.get(_plain(name), name)
