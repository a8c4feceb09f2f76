"""The shop's products, read from dangol/demo/products.yaml, and how its backend sends them to Dangol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from dangol.shop.client import Client

CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Category:
    id: str
    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Product:
    """``price`` is in CURRENCY; ``popularity`` 1 to 100; ``goes_with`` are product ids; ``line`` sells it."""

    id: str
    name: str
    category: str
    price: float
    popularity: int
    line: str
    goes_with: tuple[str, ...] = ()
    available: bool = True

    @property
    def path(self) -> str:
        """Where its page is, within the shop."""
        return f"/p/{self.id}"

    @property
    def art(self) -> str:
        """Where its picture is, within the shop."""
        return f"/art/{self.id}.svg"


@dataclass(frozen=True, slots=True)
class Catalogue:
    categories: Mapping[str, Category]
    products: Mapping[str, Product]

    def of(self, category: str) -> list[Product]:
        """The products of one category, most popular first."""
        return [product for product in self.bestsellers() if product.category == category]

    def bestsellers(self) -> list[Product]:
        """Every product, most popular first; sold-out ones last."""
        return sorted(self.products.values(), key=lambda p: (not p.available, -p.popularity, p.id))

    def companions(self, ids: Sequence[str], limit: int) -> list[Product]:
        """What the shop itself shows beside ``ids``: their companions, then bestsellers; nothing sold out."""
        named = [other for one in ids if one in self.products for other in self.products[one].goes_with]
        same = [p.id for one in ids[:1] if one in self.products for p in self.of(self.products[one].category)]
        ranked = dict.fromkeys([*named, *same, *(p.id for p in self.bestsellers())])
        fits = [self.products[i] for i in ranked if i not in ids and self.products[i].available]
        return fits[:limit]

    def search(self, query: str) -> list[Product]:
        """Products whose name, category or line holds every word of ``query``, best-selling first."""
        words = query.casefold().split()
        return [p for p in self.bestsellers() if words and all(word in self._text(p) for word in words)]

    def _text(self, product: Product) -> str:
        shelf = self.categories[product.category].name
        return f"{product.name} {product.category} {shelf} {product.line}".casefold()


@cache
def load() -> Catalogue:
    """The assortment that ships with Dangol."""
    document = yaml.safe_load(files("dangol.demo").joinpath("products.yaml").read_text("utf-8"))
    categories = {row["id"]: Category(**row) for row in document["categories"]}
    products = {row["id"]: _product(row) for row in document["products"]}
    return Catalogue(categories, products)


def _product(row: Mapping[str, Any]) -> Product:
    fields = {key: value for key, value in row.items() if key != "with"}
    return Product(**fields, goes_with=tuple(row.get("with", ())))


def items(base_url: str) -> list[dict[str, Any]]:
    """The assortment as the item documents of ``PUT /v1/items``; ``base_url`` is where the shop's /shop lives."""
    shop = base_url.rstrip("/") + "/shop"
    return [
        {
            "id": product.id,
            "name": product.name,
            "category": product.category,
            "price": product.price,
            "url": shop + product.path,
            "image": shop + product.art,
            "available": product.available,
        }
        for product in load().products.values()
    ]


def push_catalogue(base_url: str, secret_key: str) -> int:
    """Tell Dangol the whole assortment, as a shop's backend would; the number of products.

    Raises dangol.shop.client.DangolUnreachable or RequestRefused.
    """
    client = Client(base_url, f"Bearer {secret_key}")
    documents = items(base_url)
    try:
        client.send("PUT", "/v1/items", {"items": documents})
    finally:
        client.close()
    return len(documents)
