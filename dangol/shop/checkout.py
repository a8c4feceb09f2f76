"""The pages of the checkout: address, payment, confirmation. Nothing is charged and nothing is shipped."""

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
    pages, views = Blueprint("checkout", __name__), CheckoutViews(catalogue)
    pages.add_url_rule("/checkout", "address", views.address)
    pages.add_url_rule("/checkout", "ship_to", views.ship_to, methods=["POST"])
    pages.add_url_rule("/checkout/payment", "payment", views.payment)
    pages.add_url_rule("/checkout/payment", "pay", views.pay, methods=["POST"])
    pages.add_url_rule("/thank-you", "thanks", views.thanks)
    return pages


class CheckoutViews:
    """The steps from the address to the confirmation of the order."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def _held(self) -> carts.Cart:
        return carts.read(session.get("cart"), self._catalogue)

    def _ready(self) -> bool:
        """Whether there is something to pay for and somewhere to send it."""
        return bool(self._held().lines and session.get("address") and session.get("checkout"))

    def address(self) -> str | Response:
        if not self._held().lines:
            return redirect(url_for("buying.cart"))
        session.setdefault("checkout", "DM-" + secrets.token_hex(4).upper())
        calls = [_calls().checkout_started(self._held(), session["checkout"])]
        return _address_page(self._held(), session.get("address") or _sample(), "", calls)

    def ship_to(self) -> str | Response:
        given = {key: request.form.get(key, "").strip()[:FIELD_CHARACTERS] for key in FIELDS}
        missing = next((label for key, label in FIELDS.items() if not given[key]), None)
        if missing:
            return _address_page(self._held(), given, f"{missing} is missing.", [])
        session["address"] = given
        return redirect(url_for("checkout.payment"))

    def payment(self) -> str | Response:
        if not self._ready():
            return redirect(url_for("checkout.address"))
        say, order = _calls(), session["checkout"]
        return render_template(
            "payment.html",
            cart=self._held(),
            address=session["address"],
            # Step 1 is told now that the shop accepted the address, step 2 when this page's form is sent.
            calls=[say.step_completed(order, 1)],
            paid=say.step_completed(order, 2),
        )

    def pay(self) -> Response:
        if not self._ready():
            return redirect(url_for("checkout.address"))
        session["order"] = {"id": session.pop("checkout"), "cart": session.pop("cart")}
        return redirect(url_for("checkout.thanks"))

    def thanks(self) -> str | Response:
        order = session.get("order")
        if not order:
            return redirect(url_for("browse.home"))
        bought = carts.read(order["cart"], self._catalogue)
        told = [_calls().completed_once(bought, order["id"])]
        beside = self._catalogue.companions(bought.ids, 6)
        return render_template("thanks.html", cart=bought, order=order["id"], beside=beside, once=told)


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
