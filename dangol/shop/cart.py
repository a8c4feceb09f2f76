"""The cart and the order. They are kept in the shop's signed cookie and checked against the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dangol.shop.catalogue import Catalogue, Product

QUANTITY_LIMIT = 20
LINE_LIMIT = 20
"""Different products in one cart: the cookie stays well under 4 KB."""

SHIPPING = 4.90
FREE_SHIPPING_FROM = 50.0
COUPONS: Mapping[str, float] = {"WELCOME10": 0.10, "REGULAR15": 0.15}
"""Code → share of the goods' value that is taken off."""


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int

    @property
    def total(self) -> float:
        return round(self.product.price * self.quantity, 2)


@dataclass(frozen=True, slots=True)
class Cart:
    """Amounts are in the shop's currency."""

    lines: tuple[Line, ...] = ()
    coupon: str = ""

    @property
    def ids(self) -> list[str]:
        return [line.product.id for line in self.lines]

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def goods(self) -> float:
        return round(sum(line.total for line in self.lines), 2)

    @property
    def discount(self) -> float:
        return round(self.goods * COUPONS.get(self.coupon, 0.0), 2)

    @property
    def shipping(self) -> float:
        return 0.0 if not self.lines or self.goods >= FREE_SHIPPING_FROM else SHIPPING

    @property
    def revenue(self) -> float:
        """What the goods bring: without shipping, after the discount (Segment's ``revenue``)."""
        return round(self.goods - self.discount, 2)

    @property
    def total(self) -> float:
        return round(self.revenue + self.shipping, 2)

    def with_quantity(self, product: Product, quantity: int) -> "Cart":
        """The cart with that many of ``product``; none of it when ``quantity`` is 0 or less."""
        wanted = {line.product.id: line for line in self.lines}
        if quantity > 0:
            wanted[product.id] = Line(product, min(quantity, QUANTITY_LIMIT))
        else:
            wanted.pop(product.id, None)
        return Cart(tuple(wanted.values()), self.coupon)

    def has_room_for(self, product: Product) -> bool:
        return len(self.lines) < LINE_LIMIT or product.id in self.ids

    def quantity_of(self, product: Product) -> int:
        return next((line.quantity for line in self.lines if line.product.id == product.id), 0)


def read(stored: object, catalogue: Catalogue) -> Cart:
    """The cart a cookie holds; what the shop no longer sells is left out."""
    document: Mapping[str, Any] = stored if isinstance(stored, dict) else {}
    lines = [
        Line(catalogue.products[item], min(quantity, QUANTITY_LIMIT))
        for item, quantity in document.get("lines", ())
        if item in catalogue.products
    ]
    coupon = document.get("coupon", "")
    return Cart(tuple(lines[:LINE_LIMIT]), coupon if coupon in COUPONS else "")


def write(cart: Cart) -> dict[str, Any]:
    """What the cookie keeps: pairs, since a JSON object in a cookie would come back sorted."""
    return {"lines": [[line.product.id, line.quantity] for line in cart.lines], "coupon": cart.coupon}
