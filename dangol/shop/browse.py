"""The pages for looking at products: home, category, product and search, and the data that their script reads."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for

from dangol.shop.calls import Calls
from dangol.shop.catalogue import CURRENCY, Catalogue

QUERY_CHARACTERS = 100
DATA_SECONDS, PICTURE_SECONDS = 300, 86_400
"""How long a browser may keep the products and a picture."""

PICTURES = Path(__file__).parent / "static" / "pictures"

SORTS = {"popular": "Most loved", "low": "Price, low to high", "high": "Price, high to low"}


def browse(catalogue: Catalogue) -> Blueprint:
    """The pages that anyone may open."""
    pages, views = Blueprint("browse", __name__), BrowseViews(catalogue)
    pages.add_url_rule("/", "home", views.home)
    pages.add_url_rule("/c/<category>", "category", views.category)
    pages.add_url_rule("/p/<item>", "product", views.product)
    pages.add_url_rule("/search", "search", views.search)
    pages.add_url_rule("/products.json", "products_json", views.products_json)
    pages.add_url_rule("/art/<item>.svg", "art", views.art)
    return pages


class BrowseViews:
    """The pages that anyone may open, and the data behind them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def home(self) -> str:
        return render_template("home.html", bestsellers=self._catalogue.bestsellers())

    def category(self, category: str) -> str:
        if category not in self._catalogue.categories:
            abort(404)
        products = self._catalogue.of(category)
        sort = request.args.get("sort", "popular")
        if sort in ("low", "high"):
            products.sort(key=lambda product: product.price, reverse=sort == "high")
        calls = [_calls().listed(category, products)]
        shelf = self._catalogue.categories[category]
        return render_template(
            "category.html", category=shelf, products=products, sort=sort, sorts=SORTS, calls=calls
        )

    def product(self, item: str) -> str:
        found = self._catalogue.products.get(item)
        if found is None:
            abort(404)
        alike = [
            other for other in self._catalogue.of(found.category) if other.id != item and other.available
        ]
        return render_template(
            "product.html",
            product=found,
            alike=alike,
            beside=self._catalogue.companions([item], 6),
            added=_calls().added(found),
            calls=[_calls().viewed(found)],
        )

    def search(self) -> str:
        query = " ".join(request.args.get("q", "").split())[:QUERY_CHARACTERS]
        products = self._catalogue.search(query)
        calls = [_calls().searched(query, len(products))] if query else []
        return render_template(
            "search.html",
            query=query,
            products=products,
            calls=calls,
            bestsellers=self._catalogue.bestsellers(),
        )

    def products_json(self) -> Response:
        return _cached(jsonify({"currency": CURRENCY, "products": _cards(self._catalogue)}), DATA_SECONDS)

    def art(self, item: str) -> Response:
        found = self._catalogue.products.get(item)
        if found is None:
            abort(404)
        picture = (PICTURES / f"{found.id}.svg").read_bytes()
        return _cached(Response(picture, mimetype="image/svg+xml"), PICTURE_SECONDS)


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
