"""The products page: what is looked at, bought and left behind, what goes together, what is searched in vain."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from tracker.sites import Site
from warehouse.reports.products import ProductReport, Sold
from web.desk.pages import Pages
from web.desk.period import period_of
from web.drawing import formats
from web.drawing.currencies import also
from web.http.routes import Routes, get
from web.language import gettext as _
from web.reports.catalogue import shelves_of, vocabulary_of
from web.stores import Shop

ROWS = 25


@dataclass(frozen=True, slots=True)
class SoldRow:
    name: str
    sold: Sold
    revenue: str


@dataclass(frozen=True, slots=True)
class LeftRow:
    name: str
    carts: int
    quantity: float
    value: str


@dataclass(frozen=True, slots=True)
class PairRow:
    first: str
    second: str
    orders: int


@dataclass(frozen=True, slots=True)
class ProductsView:
    shelves: ProductReport
    also: str
    figures: tuple[tuple[str, str], ...]
    products: tuple[SoldRow, ...]
    categories: tuple[SoldRow, ...]
    left: tuple[LeftRow, ...]
    pairs: tuple[PairRow, ...]


@dataclass(frozen=True, slots=True)
class ProductsPage:
    pages: Pages
    shops: Callable[[str], Shop]

    def routes(self) -> Routes:
        return (get("/desk/products", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        period = period_of(request.args, site, self.pages.clock(), "/desk/products")
        catalogue = self.shops(site.id).catalogue

        def name_of(product: str) -> str:
            item = catalogue.state(product)[1]
            return item.name if item and item.name else product

        view = view_of(shelves_of(self.pages.reports, period.scope(site)), site, name_of)
        demo = vocabulary_of(self.pages.reports, period.scope(site)).demo
        return self.pages.show(
            "desk/reports/products.html", "products", site, period=period, view=view, demo=demo
        )


def view_of(shelves: ProductReport, site: Site, name_of: Callable[[str], str]) -> ProductsView:
    return ProductsView(
        shelves=shelves,
        also=also(shelves.other_currencies),
        figures=(
            (_("Visits with a cart"), formats.number(shelves.carts)),
            (_("Abandoned carts"), formats.number(shelves.abandoned)),
            (_("Abandoned value"), formats.money(shelves.value, site.currency)),
        ),
        products=tuple(_sold(each, name_of(each.name), site) for each in shelves.products[:ROWS]),
        categories=tuple(_sold(each, each.name, site) for each in shelves.categories[:ROWS]),
        left=tuple(
            LeftRow(name_of(each.name), each.carts, each.quantity, formats.money(each.value, site.currency))
            for each in shelves.left[:ROWS]
        ),
        pairs=tuple(
            PairRow(name_of(each.first), name_of(each.second), each.orders) for each in shelves.pairs[:ROWS]
        ),
    )


def _sold(sold: Sold, name: str, site: Site) -> SoldRow:
    return SoldRow(name, sold, formats.money(sold.revenue, site.currency))
