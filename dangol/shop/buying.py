"""Putting together what to buy: the cart."""

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from dangol.shop import cart as carts
from dangol.shop.calls import Call, Calls
from dangol.shop.catalogue import Catalogue, Product

CODE_CHARACTERS = 20


def buying(catalogue: Catalogue) -> Blueprint:
    """The cart and what changes it."""
    pages = Blueprint("buying", __name__)

    def held() -> carts.Cart:
        return carts.read(session.get("cart"), catalogue)

    @pages.get("/cart")
    def cart() -> str:
        content = held()
        say = _calls()
        return render_template(
            "cart.html",
            cart=content,
            beside=catalogue.companions(content.ids, 6),
            removed={line.product.id: say.removed(line.product, line.quantity) for line in content.lines},
            calls=[*_tried_coupon(say), say.cart_viewed(content)] if content.lines else [],
        )

    @pages.post("/cart/add")
    def add() -> Response:
        product = _posted(catalogue)
        if not product.available:
            flash(f"{product.name} is sold out at the moment.")
            return redirect(url_for("browse.product", item=product.id))
        if not held().has_room_for(product):
            flash("The cart is full. Check out, or take something out first.")
            return redirect(url_for("buying.cart"))
        wanted = held().quantity_of(product) + max(_quantity(), 1)
        session["cart"] = carts.write(held().with_quantity(product, wanted))
        flash(f"{product.name} is in your cart.")
        return redirect(url_for("buying.cart"))

    @pages.post("/cart/update")
    def update() -> Response:
        session["cart"] = carts.write(held().with_quantity(_posted(catalogue), _quantity()))
        return redirect(url_for("buying.cart"))

    @pages.post("/cart/coupon")
    def coupon() -> Response:
        code = request.form.get("code", "").strip().upper()[:CODE_CHARACTERS]
        applied = code in carts.COUPONS
        session["cart"] = carts.write(carts.Cart(held().lines, code if applied else ""))
        session["coupon"] = [code, applied]
        flash(f"{code} is applied." if applied else "We do not know this code.")
        return redirect(url_for("buying.cart"))

    return pages


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
