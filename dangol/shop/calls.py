"""The events that the shop's pages send: arguments of ``dangol(...)``, with Segment's e-commerce names and properties.

https://segment.com/docs/connections/spec/ecommerce/v2/
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dangol.shop.cart import Cart
from dangol.shop.catalogue import CURRENCY, Product

Call = list[Any]
"""The arguments of one ``dangol(...)`` command."""


class Once(NamedTuple):
    """A call that a browser makes once for each ``key``, however often it gets the page.

    The browser remembers (shop.js), not the shop: a page that was sent may never be shown.
    """

    kind: str
    key: str
    call: Call


class Calls:
    """Builds the calls; ``shop`` is the absolute address of the shop, for links and pictures."""

    def __init__(self, shop: str) -> None:
        self._shop = shop.rstrip("/")

    def product(self, product: Product, quantity: int | None = None) -> dict[str, Any]:
        """One product's properties; ``quantity`` only where something is bought."""
        properties: dict[str, Any] = {
            "product_id": product.id,
            "name": product.name,
            "category": product.category,
            "price": product.price,
            "currency": CURRENCY,
            "url": self._shop + product.path,
            "image_url": self._shop + product.art,
        }
        return properties if quantity is None else {**properties, "quantity": quantity}

    def viewed(self, product: Product) -> Call:
        return ["track", "Product Viewed", self.product(product)]

    def added(self, product: Product, quantity: int = 1) -> Call:
        return ["track", "Product Added", self.product(product, quantity)]

    def removed(self, product: Product, quantity: int) -> Call:
        return ["track", "Product Removed", self.product(product, quantity)]

    def listed(self, category: str, products: Sequence[Product]) -> Call:
        rows = [{"product_id": product.id, "position": i} for i, product in enumerate(products, 1)]
        return [
            "track",
            "Product List Viewed",
            {"list_id": category, "category": category, "products": rows},
        ]

    def searched(self, query: str, found: int) -> Call:
        return ["track", "Products Searched", {"query": query, "results": found}]

    def cart_viewed(self, cart: Cart) -> Call:
        return [
            "track",
            "Cart Viewed",
            {"products": self._lines(cart), "value": cart.goods, "currency": CURRENCY},
        ]

    def coupon(self, code: str, applied: bool) -> Call:
        return [
            "track",
            "Coupon Applied" if applied else "Coupon Denied",
            {"coupon_id": code, "coupon_name": code},
        ]

    def checkout_started(self, cart: Cart, order: str) -> Call:
        return ["track", "Checkout Started", self._order(cart, order)]

    def step_completed(self, order: str, step: int) -> Call:
        return ["track", "Checkout Step Completed", {"checkout_id": order, "step": step}]

    def completed(self, cart: Cart, order: str) -> Call:
        return ["track", "Order Completed", self._order(cart, order)]

    def completed_once(self, cart: Cart, order: str) -> Once:
        return Once("order", order, self.completed(cart, order))

    def _order(self, cart: Cart, order: str) -> dict[str, Any]:
        return {
            "order_id": order,
            "checkout_id": order,
            "total": cart.total,
            "revenue": cart.revenue,
            "shipping": cart.shipping,
            "discount": cart.discount,
            "coupon": cart.coupon,
            "currency": CURRENCY,
            "products": self._lines(cart),
        }

    def _lines(self, cart: Cart) -> list[dict[str, Any]]:
        return [self.product(line.product, line.quantity) for line in cart.lines]
