"""Looking around: home, category, product, search, and the data behind the pages."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for

from dangol.shop.calls import Calls
from dangol.shop.catalogue import CURRENCY, Catalogue

QUERY_CHARACTERS = 100
DATA_SECONDS, PICTURE_SECONDS = 300, 86_400
"""How long a browser may keep the products and a picture."""

SORTS = {"popular": "Most loved", "low": "Price, low to high", "high": "Price, high to low"}


def browse(catalogue: Catalogue) -> Blueprint:
    """The pages that anyone may open."""
    pages = Blueprint("browse", __name__)
    pictures = Path(pages.root_path) / "static" / "pictures"

    @pages.get("/")
    def home() -> str:
        return render_template("home.html", bestsellers=catalogue.bestsellers())

    @pages.get("/c/<category>")
    def category(category: str) -> str:
        if category not in catalogue.categories:
            abort(404)
        products = catalogue.of(category)
        sort = request.args.get("sort", "popular")
        if sort in ("low", "high"):
            products.sort(key=lambda product: product.price, reverse=sort == "high")
        calls = [_calls().listed(category, products)]
        shelf = catalogue.categories[category]
        return render_template(
            "category.html", category=shelf, products=products, sort=sort, sorts=SORTS, calls=calls
        )

    @pages.get("/p/<item>")
    def product(item: str) -> str:
        found = catalogue.products.get(item)
        if found is None:
            abort(404)
        alike = [other for other in catalogue.of(found.category) if other.id != item and other.available]
        return render_template(
            "product.html",
            product=found,
            alike=alike,
            beside=catalogue.companions([item], 6),
            added=_calls().added(found),
            calls=[_calls().viewed(found)],
        )

    @pages.get("/search")
    def search() -> str:
        query = " ".join(request.args.get("q", "").split())[:QUERY_CHARACTERS]
        products = catalogue.search(query)
        calls = [_calls().searched(query, len(products))] if query else []
        return render_template(
            "search.html", query=query, products=products, calls=calls, bestsellers=catalogue.bestsellers()
        )

    @pages.get("/products.json")
    def products_json() -> Response:
        return _cached(jsonify({"currency": CURRENCY, "products": _cards(catalogue)}), DATA_SECONDS)

    @pages.get("/art/<item>.svg")
    def art(item: str) -> Response:
        found = catalogue.products.get(item)
        if found is None:
            abort(404)
        picture = (pictures / f"{found.id}.svg").read_bytes()
        return _cached(Response(picture, mimetype="image/svg+xml"), PICTURE_SECONDS)

    return pages


def _calls() -> Calls:
    return Calls(url_for("browse.home", _external=True))


def _cards(catalogue: Catalogue) -> dict[str, Any]:
    """What the shop's script needs to draw a card for a product id."""
    return {
        product.id: {
            "name": product.name,
            "category": product.category,
            "shelf": catalogue.categories[product.category].name,
            "price": product.price,
            "url": url_for("browse.product", item=product.id),
            "image": url_for("browse.art", item=product.id),
            "available": product.available,
        }
        for product in catalogue.products.values()
    }


def _cached(response: Response, seconds: int) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = seconds
    response.add_etag()
    response.make_conditional(request)
    return response
