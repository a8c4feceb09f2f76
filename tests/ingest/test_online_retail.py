"""A real retailer's invoices, imported as they are: every sum equals DuckDB's of the file, to the penny."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingest.order_files.countries import country_code
from tests.support.order_files import OrderShop
from tracker.sites import Site
from warehouse.question.span import Span
from warehouse.reports.overview import overview
from warehouse.reports.products import product_report

pytestmark = pytest.mark.slow

WHOLE, OF_CUSTOMERS = Decimal("4275143.93"), Decimal("3626224.25")
SPAN = Span(
    int(datetime(2010, 12, 1, tzinfo=UTC).timestamp() * 1000),
    int(datetime(2012, 1, 1, tzinfo=UTC).timestamp() * 1000),
    ZoneInfo("UTC"),
)


class Book:
    """The file, as DuckDB reads it: ``lines`` with exact amounts, days and the sign of a sale."""

    def __init__(self, path: Path) -> None:
        self.db = duckdb.connect()
        self.db.execute(f"""create table lines as select InvoiceNo as invoice, StockCode as item, Quantity as quantity,
            cast(UnitPrice as decimal(18, 4)) * Quantity as amount, CustomerID as customer,
            first(Country order by file_row_number) over (partition by InvoiceNo) as country,
            min(strptime(InvoiceDate, '%m/%d/%y %H:%M')) over (partition by InvoiceNo) as told,
            sum(UnitPrice * Quantity) over (partition by InvoiceNo) as of_invoice,
            max(Quantity) over (partition by InvoiceNo) > 0 as sale
            from read_parquet('{path}', file_row_number => true)""")

    def by(self, what: str, where: str = "true") -> dict[Any, Decimal]:
        rows = self.db.execute(f"select {what}, sum(amount) from lines where {where} group by 1").fetchall()
        return {key: round(amount, 2) for key, amount in rows}

    def one(self, what: str, where: str = "true") -> Any:
        return self.db.execute(f"select {what} from lines where {where}").fetchone()[0]


@pytest.fixture(scope="module")
def retailer(
    tmp_path_factory: pytest.TempPathFactory, shared_data: Path
) -> Iterator[tuple[OrderShop, Book, Path]]:
    path = shared_data / "online-retail.parquet"
    if not path.is_file():
        pytest.skip(f"the real file is absent: {path}")
    folder = tmp_path_factory.mktemp("retailer")
    shop = OrderShop(folder, Site(id="default", write_key="w", secret_key="s", currency="GBP"))
    shop.summary = shop.imports(path, rejects=None)
    yield shop, Book(path), path


def test_the_summary(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, book, _ = retailer
    assert shop.summary.sums["GBP"].net == shop.net() == book.one("sum(amount)")
    assert round(shop.net(), 2) == WHOLE
    assert shop.summary.orders == book.one("count(distinct invoice)", "sale")
    assert shop.summary.credits == book.one(
        "count(distinct invoice)", "not sale and (of_invoice <> 0 or customer > 0)"
    )
    assert shop.summary.customers == book.one("count(distinct customer)")
    assert shop.refused == {}


def test_each_invoice(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, book, _ = retailer
    assert {key: round(amount, 2) for key, amount in shop.net_by_order().items()} == book.by(
        "invoice", "sale or of_invoice <> 0 or customer > 0"
    )


def test_orders_and_revenue_by_month(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, book, _ = retailer
    report = overview(shop.warehouse, "default", SPAN, "GBP")
    assert report.orders == book.one("count(distinct invoice)", "sale")
    months: dict[date, Decimal] = {}
    for day in report.series:
        first = day.day.replace(day=1)
        months[first] = months.get(first, Decimal(0)) + Decimal(repr(round(day.revenue, 4)))
    expected = book.by("cast(date_trunc('month', told) as date)")
    assert {month: round(amount, 2) for month, amount in months.items() if amount} == expected
    assert round(Decimal(repr(report.revenue)), 2) == WHOLE


def test_revenue_by_product(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, book, _ = retailer
    report = product_report(shop.warehouse, "default", SPAN, "GBP", most=100_000)
    revenue = {
        each.name: amount for each in report.products if (amount := round(Decimal(repr(each.revenue)), 2))
    }
    assert revenue == {item: amount for item, amount in book.by("item").items() if amount}


def test_revenue_by_country(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, book, _ = retailer
    report = overview(shop.warehouse, "default", SPAN, "GBP")
    told: dict[str, Decimal] = {}
    for name, amount in book.by("country").items():
        told[country_code(name)] = told.get(country_code(name), Decimal(0)) + amount
    assert {
        each.name: round(Decimal(repr(each.revenue)), 2) for each in report.countries if each.revenue
    } == told


def test_profiles(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, book, _ = retailer
    known = [profile for profile in shop.profiles.scan("default") if profile.user]
    assert len(known) == book.one("count(distinct customer)")
    assert sum(profile.counts.orders for profile in known) == book.one(
        "count(distinct invoice)", "sale and customer > 0"
    )
    assert round(sum(Decimal(repr(profile.counts.revenue)) for profile in known), 2) == OF_CUSTOMERS


def test_a_second_import_adds_nothing(retailer: tuple[OrderShop, Book, Path]) -> None:
    shop, _, path = retailer
    told = len(shop.told)
    summary = shop.imports(path, rejects=None)
    assert (shop.told, summary.unchanged) == ([], told)
    assert round(shop.net(), 2) == WHOLE
