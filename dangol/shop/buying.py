"""The pages of the cart."""

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from dangol.shop import cart as carts
from dangol.shop.calls import Call, Calls
from dangol.shop.catalogue import Catalogue, Product

CODE_CHARACTERS = 20


def buying(catalogue: Catalogue) -> Blueprint:
    """The cart and what changes it."""
    pages, views = Blueprint("buying", __name__), CartViews(catalogue)
    pages.add_url_rule("/cart", "cart", views.cart)
    pages.add_url_rule("/cart/add", "add", views.add, methods=["POST"])
    pages.add_url_rule("/cart/update", "update", views.update, methods=["POST"])
    pages.add_url_rule("/cart/coupon", "coupon", views.coupon, methods=["POST"])
    return pages


class CartViews:
    """The cart and the forms that change it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def _held(self) -> carts.Cart:
        return carts.read(session.get("cart"), self._catalogue)

    def cart(self) -> str:
        content = self._held()
        say = _calls()
        return render_template(
            "cart.html",
            cart=content,
            beside=self._catalogue.companions(content.ids, 6),
            removed={line.product.id: say.removed(line.product, line.quantity) for line in content.lines},
            calls=[*_tried_coupon(say), say.cart_viewed(content)] if content.lines else [],
        )

    def add(self) -> Response:
        product = _posted(self._catalogue)
        if not product.available:
            flash(f"{product.name} is sold out at the moment.")
            return redirect(url_for("browse.product", item=product.id))
        if not self._held().has_room_for(product):
            flash("The cart is full. Check out, or take something out first.")
            return redirect(url_for("buying.cart"))
        wanted = self._held().quantity_of(product) + max(_quantity(), 1)
        session["cart"] = carts.write(self._held().with_quantity(product, wanted))
        flash(f"{product.name} is in your cart.")
        return redirect(url_for("buying.cart"))

    def update(self) -> Response:
        session["cart"] = carts.write(self._held().with_quantity(_posted(self._catalogue), _quantity()))
        return redirect(url_for("buying.cart"))

    def coupon(self) -> Response:
        code = request.form.get("code", "").strip().upper()[:CODE_CHARACTERS]
        applied = code in carts.COUPONS
        session["cart"] = carts.write(carts.Cart(self._held().lines, code if applied else ""))
        session["coupon"] = [code, applied]
        flash(f"{code} is applied." if applied else "We do not know this code.")
        return redirect(url_for("buying.cart"))


def _posted(catalogue: Catalogue) -> Product:
    product = catalogue.products.get(request.form.get("item", ""))
    return product if product else abort(404)


def _quantity() -> int:
    """The posted quantity; 1 when it is not a number."""
    text = request.form.get("quantity", "1")
    return min(int(text), carts.QUANTITY_LIMIT) if text.isdecimal() and len(text) < 6 else 1


def _tried_coupon(say: Calls) -> list[Call]:
    tried = session.pop("coupon", None)
    return [say.coupon(*tried)] if tried else []


def _calls() -> Calls:
    return Calls(url_for("browse.home", _external=True))
