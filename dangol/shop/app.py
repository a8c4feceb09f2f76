"""The shop as a Flask application. It embeds the snippet as any site would, and imports nothing of Dangol."""

import hmac
import secrets
from typing import Any

from flask import Flask, Response, render_template, session
from werkzeug.exceptions import HTTPException

from dangol.shop import cart as carts
from dangol.shop import catalogue as assortment
from dangol.shop.account import account, introduction
from dangol.shop.browse import browse
from dangol.shop.buying import buying
from dangol.shop.checkout import checkout

BODY_LIMIT = 64 * 1024


def create_shop(
    host: str | None, write_key: str, session_key: bytes | None = None, secret_key: str = ""
) -> Flask:
    """The shop, to be mounted anywhere (its links follow SCRIPT_NAME).

    ``host`` is where the snippet is loaded from, None for the shop's own. From ``session_key`` the key is derived
    that signs the shop's cookie: all worker processes need the same one; without one, carts end with this process.
    ``secret_key`` is Dangol's for this shop: it proves who is signed in, and never leaves the server.
    """
    app = Flask("dangol.shop")
    app.config.update(
        # Derived: a cookie signed for the shop must mean nothing to whatever else this key signs.
        SECRET_KEY=hmac.digest(session_key or secrets.token_bytes(32), b"dangol shop", "sha256"),
        SESSION_COOKIE_NAME="dangol_market",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        SEND_FILE_MAX_AGE_DEFAULT=300,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.add_template_filter(money)
    catalogue = assortment.load()
    for part in (browse(catalogue), buying(catalogue), checkout(catalogue), account()):
        app.register_blueprint(part)

    @app.context_processor
    def surroundings() -> dict[str, Any]:
        """The variables that the layout of every page needs."""
        return {
            "snippet": f"{(host or '').rstrip('/')}/dangol.js",
            "write_key": write_key,
            "categories": catalogue.categories.values(),
            "shelf": catalogue.of,
            "in_cart": carts.read(session.get("cart"), catalogue).count,
            "customer": session.get("customer"),
            "introduction": introduction(secret_key),
            "free_from": carts.FREE_SHIPPING_FROM,
        }

    app.register_error_handler(HTTPException, problem)
    app.after_request(harden)
    return app


def problem(error: HTTPException) -> tuple[str, int]:
    """A page that shows an HTTP error, with its status."""
    return render_template("problem.html", error=error), error.code or 500


def harden(response: Response) -> Response:
    """Response headers: no shared cache keeps a page, no browser guesses a type, no other site frames the checkout."""
    if not response.cache_control.public:
        response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def money(amount: float) -> str:
    """An amount as the shop writes it: €119, €4.90."""
    return f"€{amount:,.0f}" if amount == int(amount) else f"€{amount:,.2f}"
