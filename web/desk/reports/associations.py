"""The associations page: what is bought together and next, and which dearer item people take, with the evidence."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from web.desk.pages import Pages
from web.http.routes import Routes, get
from web.reports.products.associations import associations_of
from web.stores import Shop

ROWS = 50
ITEM_LIMIT = 100


@dataclass(frozen=True, slots=True)
class AssociationsPage:
    pages: Pages
    shops: Callable[[str], Shop]

    def routes(self) -> Routes:
        return (get("/desk/associations", self.show),)

    def show(self) -> Response:
        site, item = self.pages.site(), request.args.get("item", "").strip()[:ITEM_LIMIT]
        shop = self.shops(site.id)
        found = associations_of(shop.registry, shop.catalogue, item)
        query = [("item", item)] if item else []
        return self.pages.show(
            "desk/reports/associations.html", "products", site, found=found, item=item, query=query, rows=ROWS
        )
