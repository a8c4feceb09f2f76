"""Signing in and out. There is no password: the demo only needs a shop that knows who its customer is."""

import hmac
from hashlib import sha256

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from dangol.shop.calls import Once

CHARACTERS = 100


def account() -> Blueprint:
    """The sign-in page."""
    pages = Blueprint("account", __name__)

    @pages.get("/sign-in")
    def sign_in() -> str:
        return render_template("sign_in.html", email="", name="", error="")

    @pages.post("/sign-in")
    def signed_in() -> str | Response:
        email = request.form.get("email", "").strip().lower()[:CHARACTERS]
        name = " ".join(request.form.get("name", "").split())[:CHARACTERS]
        if "@" not in email.strip("@") or any(sign.isspace() for sign in email):
            problem = "Please enter an e-mail address."
            return render_template("sign_in.html", email=email, name=name, error=problem)
        name = name or email.partition("@")[0].replace(".", " ").title()
        session["customer"] = {"id": customer_id(email), "email": email, "name": name}
        flash(f"Welcome, {name}.")
        return redirect(url_for("browse.home"))

    @pages.post("/sign-out")
    def sign_out() -> Response:
        session.clear()
        flash("You are signed out.")
        return redirect(url_for("browse.home"))

    return pages


def customer_id(email: str) -> str:
    """The shop's own id of a customer: the same on every device, and not the address itself."""
    return "c-" + sha256(email.encode()).hexdigest()[:12]


def proof(secret_key: str, customer: str) -> str:
    """What proves to Dangol that the shop itself signed this customer in: anybody could tell their id."""
    return hmac.new(secret_key.encode(), customer.encode(), "sha256").hexdigest()


def introduction(secret_key: str) -> list[Once]:
    """Who is signed in: for the browser to tell on the first page that it gets to show."""
    customer = session.get("customer")
    if not customer:
        return []
    traits = {"email": customer["email"], "name": customer["name"]}
    proven = proof(secret_key, customer["id"])
    key = f"{customer['id']}.{proven[:12]}"  # told anew when the key has changed
    return [Once("customer", key, ["identify", customer["id"], traits, {"proof": proven}])]
