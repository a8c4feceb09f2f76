"""From the cart to the order: address, payment, thank you. Nothing is charged and nothing is shipped."""

import secrets

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from dangol.shop import cart as carts
from dangol.shop.calls import Call, Calls
from dangol.shop.catalogue import Catalogue

FIELDS = {"name": "Name", "street": "Street and number", "postcode": "Postcode", "city": "City"}
SAMPLE = {"name": "Kim Ha-neul", "street": "12 Mangwon-ro", "postcode": "04012", "city": "Seoul"}
FIELD_CHARACTERS = 80


def checkout(catalogue: Catalogue) -> Blueprint:
    """The steps of the checkout."""
    pages = Blueprint("checkout", __name__)

    def held() -> carts.Cart:
        return carts.read(session.get("cart"), catalogue)

    def ready() -> bool:
        """Whether there is something to pay for and somewhere to send it."""
        return bool(held().lines and session.get("address") and session.get("checkout"))

    @pages.get("/checkout")
    def address() -> str | Response:
        if not held().lines:
            return redirect(url_for("buying.cart"))
        session.setdefault("checkout", "DM-" + secrets.token_hex(4).upper())
        calls = [_calls().checkout_started(held(), session["checkout"])]
        return _address_page(held(), session.get("address") or _sample(), "", calls)

    @pages.post("/checkout")
    def ship_to() -> str | Response:
        given = {key: request.form.get(key, "").strip()[:FIELD_CHARACTERS] for key in FIELDS}
        missing = next((label for key, label in FIELDS.items() if not given[key]), None)
        if missing:
            return _address_page(held(), given, f"{missing} is missing.", [])
        session["address"] = given
        return redirect(url_for("checkout.payment"))

    @pages.get("/checkout/payment")
    def payment() -> str | Response:
        if not ready():
            return redirect(url_for("checkout.address"))
        say, order = _calls(), session["checkout"]
        return render_template(
            "payment.html",
            cart=held(),
            address=session["address"],
            # Step 1 is told now that the shop accepted the address, step 2 when this page's form is sent.
            calls=[say.step_completed(order, 1)],
            paid=say.step_completed(order, 2),
        )

    @pages.post("/checkout/payment")
    def pay() -> Response:
        if not ready():
            return redirect(url_for("checkout.address"))
        session["order"] = {"id": session.pop("checkout"), "cart": session.pop("cart")}
        return redirect(url_for("checkout.thanks"))

    @pages.get("/thank-you")
    def thanks() -> str | Response:
        order = session.get("order")
        if not order:
            return redirect(url_for("browse.home"))
        bought = carts.read(order["cart"], catalogue)
        told = [_calls().completed_once(bought, order["id"])]
        beside = catalogue.companions(bought.ids, 6)
        return render_template("thanks.html", cart=bought, order=order["id"], beside=beside, once=told)

    return pages


def _address_page(cart: carts.Cart, address: dict[str, str], error: str, calls: list[Call]) -> str:
    return render_template(
        "checkout.html", cart=cart, address=address, fields=FIELDS, error=error, calls=calls
    )


def _sample() -> dict[str, str]:
    """An address to try the checkout with."""
    name = (session.get("customer") or {}).get("name")
    return {**SAMPLE, "name": name} if name else dict(SAMPLE)


def _calls() -> Calls:
    return Calls(url_for("browse.home", _external=True))
