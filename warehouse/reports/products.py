"""Products: looked at, put into carts, sold, returned, left behind, bought together, searched without result.

A line is one product of one event, or of one order as it stands now (``warehouse.definitions.orders``); the lines of
a credit note are returns at its own time. A cart is of a visit that begins in the span, whole; it is abandoned when the
visit put something into it that it did not take out again, and ordered nothing.
"""

from dataclasses import dataclass, replace
from typing import Any

from warehouse.definitions.currencies import UNITS, CurrencySum, currency_sums
from warehouse.definitions.shares import Share, share_of
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

LIMIT = 200

_COUNTS = ("views", "viewers", "adders", "buyers", "added", "sold", "returned", "bought", "revenue")

_LINES = """
select hash(profile) as profile, name, product, category, coalesce(quantity, 1) as quantity from events
where type = 'track' and name in ('Product Viewed', 'Product Added') and product <> ''
"""
_BOUGHT = """
select key, hash(profile) as profile, product, category, sold, returned, quantity, net_lines.revenue, currency, orders
from net_lines join net_orders using (key)
"""

_FIGURES = f"""
with looked as (
    select {{by}} as name, count(*) filter (name = 'Product Viewed') as views,
           count(distinct profile) filter (name = 'Product Viewed') as viewers,
           count(distinct profile) filter (name = 'Product Added') as adders,
           coalesce(sum(quantity) filter (name = 'Product Added'), 0) as added
    from lines group by 1
), paid as (
    select name, count(*) filter (quantity > 0) as buyers, sum(sold) as sold, sum(returned) as returned,
           sum(quantity) as bought, sum(revenue)::double / {UNITS} as revenue
    from (
        select {{by}} as name, sum(sold) as sold, sum(returned) as returned, sum(quantity) as quantity,
               coalesce(sum(revenue) filter (currency = ''), 0) as revenue
        from bought group by {{by}}, profile
    ) group by name
)
select name, {", ".join(f"coalesce({each}, 0) as {each}" for each in _COUNTS)}
from looked full join paid using (name) {{having}} order by revenue desc, views desc, 1 limit $most
"""
_OTHERS = f"""
select currency, count(distinct key) filter (orders > 0) as orders, sum(revenue)::double / {UNITS} as revenue
from bought where currency <> '' group by currency order by orders desc, currency
"""

_CARTS = """
select hash(session) as session, product,
       sum(case name when 'Product Added' then 1 else -1 end * coalesce(quantity, 1)) as kept,
       max(coalesce(price, 0)) filter (name = 'Product Added') as price
from visit_events where type = 'track' and name in ('Product Added', 'Product Removed') and product <> ''
group by 1, product
"""
_ORDERED = (
    "select distinct hash(session) as session from net_orders where session <> '' and state <> 'credit note'"
)
_KNOWN = "select unnest(string_split($ordered, ','))::ubigint as session"
_ABANDONED = """
select count(distinct session) as carts, count(distinct session) filter (session not in (from ordered)) as abandoned,
       coalesce(sum(kept * price) filter (session not in (from ordered)), 0) as value
from carts where kept > 0 or session in (from ordered)
"""
_LEFT = """
select product as name, count(*) as carts, sum(kept) as quantity, coalesce(sum(kept * price), 0) as value
from carts where kept > 0 and session not in (from ordered) group by product order by value desc, carts desc, 1
limit $most
"""
_PAIRS = """
with together as (select distinct key, product from bought where quantity > 0 and orders > 0)
select a.product as first, b.product as second, count(*) as orders
from together a join together b on a.key = b.key and a.product < b.product group by 1, 2
order by orders desc, 1, 2 limit $most
"""
_SEARCHES = """
select term, count(*) as searches, count(distinct profile) as visitors, count(*) filter (results = 0) as without
from (
    select profile, lower(trim(coalesce(props ->> '$.query', ''))) as term,
           try_cast(coalesce(props ->> '$.results', props ->> '$.results_count') as double) as results
    from events where type = 'track' and name = 'Products Searched'
) where term <> '' group by term order by without desc, searches desc, 1 limit $most
"""


@dataclass(frozen=True, slots=True)
class Sold:
    """Of a product (its id) or a category. ``viewers``, ``adders`` and ``buyers`` are people, of these who kept some of
    it. Quantities: ``added`` to carts, ``sold`` in orders that were not cancelled, ``returned``, and ``bought``, which
    is what is left. ``revenue``, net, is that of the lines: before discounts and shipping. ``conversion``: buyers of
    those who looked at it, with its interval; None when nobody did."""

    name: str
    views: int
    viewers: int
    adders: int
    buyers: int
    added: float
    sold: float
    returned: float
    bought: float
    revenue: float
    conversion: float | None
    conversion_interval: Share


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A product in abandoned ``carts``."""

    name: str
    carts: int
    quantity: float
    value: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two products in the same ``orders``."""

    first: str
    second: str
    orders: int


@dataclass(frozen=True, slots=True)
class Search:
    """``without``: of the searches, those that said they found nothing (``results`` is 0)."""

    term: str
    searches: int
    visitors: int
    without: int


@dataclass(frozen=True, slots=True)
class ProductReport:
    """``carts``: visits with something in the cart at their end, or an order; ``value`` of the abandoned ones.
    ``other_currencies``: revenue of lines that is not in the figures, since it is not in the site's currency."""

    carts: int
    abandoned: int
    abandonment_rate: float
    abandonment_rate_interval: Share
    value: float
    products: tuple[Sold, ...]
    categories: tuple[Sold, ...]
    left: tuple[LeftBehind, ...]
    pairs: tuple[Pair, ...]
    searches: tuple[Search, ...]
    other_currencies: tuple[CurrencySum, ...]


def product_report(events: Events, site: str, span: Span, currency: str, most: int = LIMIT) -> ProductReport:
    """Everything about products in ``span``, on a site whose currency is ``currency``; lists hold at most ``most``.

    Raises WarehouseUnavailable.
    """
    queries = {
        "carts": _ABANDONED,
        "products": _FIGURES.format(by="product", having=""),
        "categories": _FIGURES.format(by="category", having="where name <> ''"),
        "left": _LEFT,
        "pairs": _PAIRS,
        "searches": _SEARCHES,
        "others": _OTHERS,
    }
    prepared = {"lines": _LINES, "bought": _BOUGHT, "carts": _CARTS, "ordered": _KNOWN}
    scope = Scope(site, span.start, span.end, currency=currency)
    # What a visit orders after the end of the span is that visit's, too.
    longer = replace(scope, end=span.end + LONGEST_MS)
    ordered = ",".join(map(str, events.table(_ORDERED, longer)["session"].to_pylist())) or "0"
    tables = events.tables(queries, scope, {"most": most, "ordered": ordered}, prepared)
    others = currency_sums(tables.pop("others"))
    rows = {name: table.to_pylist() for name, table in tables.items()}
    (carts,) = rows["carts"]
    return ProductReport(
        **carts,
        abandonment_rate=carts["abandoned"] / carts["carts"] if carts["carts"] else 0.0,
        abandonment_rate_interval=share_of(carts["abandoned"], carts["carts"]),
        products=tuple(_sold(row) for row in rows["products"]),
        categories=tuple(_sold(row) for row in rows["categories"]),
        left=tuple(LeftBehind(**row) for row in rows["left"]),
        pairs=tuple(Pair(**row) for row in rows["pairs"]),
        searches=tuple(Search(**row) for row in rows["searches"]),
        other_currencies=others,
    )


def _sold(row: dict[str, Any]) -> Sold:
    buyers, viewers = row["buyers"], row["viewers"]
    rate = buyers / viewers if viewers else None
    return Sold(**row, conversion=rate, conversion_interval=share_of(buyers, viewers))
