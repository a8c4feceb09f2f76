"""Products: looked at, put into carts, bought, left behind, bought together, searched without result.

A line is one product of one event: the event's own, or each of an order's ``items``. An order counts once, as the site
itself told it, else at its first event. A cart is abandoned when a visit put something into it that it did not take out
again, and ordered nothing.
"""

from dataclasses import dataclass

from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

LIMIT = 200

_LINES = """
select hash(profile) as profile, hash(session) as session, session <> '' as visit, name, '' as event, product, category,
       coalesce(quantity, 1) as quantity, coalesce(price, 0) as price
from events
where type = 'track' and name in ('Product Viewed', 'Product Added', 'Product Removed') and product <> ''
union all
select hash(profile), hash(session), session <> '', name, event, line.product, line.category,
       coalesce(line.quantity, 1), coalesce(line.price, 0)
from (
    select profile, session, name, coalesce("order", id) as event,
           unnest(case when len(items) > 0 then items else [struct_pack(product := product, category := category,
                  quantity := quantity, price := price)] end) as line
    from events where type = 'track' and name = 'Order Completed' and repeated is not true
    qualify row_number() over (partition by coalesce("order", id) order by sender is distinct from 'site', ts, id) = 1
) where line.product <> ''
"""

_FIGURES = """
select {by} as name, count(*) filter (name = 'Product Viewed') as views,
       count(distinct profile) filter (name = 'Product Viewed') as viewers,
       count(distinct profile) filter (name = 'Product Added') as adders,
       count(distinct profile) filter (name = 'Order Completed') as buyers,
       coalesce(sum(quantity) filter (name = 'Product Added'), 0) as added,
       coalesce(sum(quantity) filter (name = 'Order Completed'), 0) as bought,
       coalesce(sum(quantity * price) filter (name = 'Order Completed'), 0) as revenue
from lines {having} group by 1 order by revenue desc, views desc, 1 limit $most
"""

_CARTS = """
select session, product, any_value(category) as category,
       sum(case name when 'Product Added' then quantity when 'Product Removed' then -quantity else 0 end) as kept,
       max(price) filter (name = 'Product Added') as price
from lines where visit and name in ('Product Added', 'Product Removed') group by session, product
"""
_ORDERED = "select distinct session from lines where name = 'Order Completed' and visit"
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
with bought as (select distinct event, product from lines where name = 'Order Completed')
select a.product as first, b.product as second, count(*) as orders
from bought a join bought b on a.event = b.event and a.product < b.product group by 1, 2
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
    """Of a product (its id) or a category. ``viewers``, ``adders`` and ``buyers`` are people; ``revenue`` that of the
    lines: orders before discounts and shipping."""

    name: str
    views: int
    viewers: int
    adders: int
    buyers: int
    added: float
    bought: float
    revenue: float

    @property
    def conversion(self) -> float | None:
        """Buyers of those who looked at it; None when nobody did."""
        return self.buyers / self.viewers if self.viewers else None


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
    """``carts``: visits with something in the cart at their end, or an order; ``value`` of the abandoned ones."""

    carts: int
    abandoned: int
    value: float
    products: tuple[Sold, ...]
    categories: tuple[Sold, ...]
    left: tuple[LeftBehind, ...]
    pairs: tuple[Pair, ...]
    searches: tuple[Search, ...]


def product_report(events: Events, site: str, span: Span, most: int = LIMIT) -> ProductReport:
    """Everything about products in ``span``; lists hold at most ``most``. Raises WarehouseUnavailable."""
    queries = {
        "carts": _ABANDONED,
        "products": _FIGURES.format(by="product", having=""),
        "categories": _FIGURES.format(by="category", having="where category <> ''"),
        "left": _LEFT,
        "pairs": _PAIRS,
        "searches": _SEARCHES,
    }
    prepared = {"lines": _LINES, "carts": _CARTS, "ordered": _ORDERED}
    tables = events.tables(queries, Scope(site, span.start, span.end), {"most": most}, prepared)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    return ProductReport(
        **rows["carts"][0],
        products=tuple(Sold(**row) for row in rows["products"]),
        categories=tuple(Sold(**row) for row in rows["categories"]),
        left=tuple(LeftBehind(**row) for row in rows["left"]),
        pairs=tuple(Pair(**row) for row in rows["pairs"]),
        searches=tuple(Search(**row) for row in rows["searches"]),
    )
