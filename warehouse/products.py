"""The products that events name: what the catalogue learns where the shop does not tell."""

from dataclasses import dataclass

from warehouse.scope import Events, Scope

_LINES = """
select ts, product, category, price, props ->> '$.name' as name, props ->> '$.url' as url,
       props ->> '$.image_url' as image
from events where product is not null and coalesce(len(items), 0) < 2
union all by name
select ts, line.product as product, line.category as category, line.price as price
from (select ts, unnest(items) as line from events where len(items) > 1)
"""

_PRODUCTS = f"""
select product, coalesce(arg_max(name, ts) filter (name <> ''), '') as name,
       coalesce(arg_max(category, ts) filter (category <> ''), '') as category,
       arg_max(price, ts) filter (price > 0) as price,
       coalesce(arg_max(url, ts) filter (url <> ''), '') as url,
       coalesce(arg_max(image, ts) filter (image <> ''), '') as image
from ({_LINES}) where product is not null group by product order by max(ts) desc, product limit $most
"""


@dataclass(frozen=True, slots=True)
class Product:
    """As its newest events name it; "" and None for what none says."""

    product: str
    name: str
    category: str
    price: float | None
    url: str
    image: str


def products(warehouse: Events, site: str, start: int = 0, most: int = 100_000) -> list[Product]:
    """The ``most`` products seen last, of events since ``start`` (ms). Raises WarehouseUnavailable."""
    return [Product(**row) for row in warehouse.rows(_PRODUCTS, Scope(site, start), {"most": most})]
