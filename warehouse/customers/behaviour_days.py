"""What customers did on the site, by day: visits, views of products, carts."""

import pyarrow as pa

from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

_DAYS = """
with buyers as (select distinct profile from net_orders)
select profile, {day}::integer as day, count(distinct session)::double as visits,
       count(*) filter (name = 'Product Viewed')::double as views,
       count(distinct category) filter (name = 'Product Viewed' and category <> '')::double as categories,
       count(*) filter (name in ('Product Added', 'Checkout Started'))::double as carts
from events semi join buyers using (profile) where session <> ''
group by 1, 2 order by profile, day
"""


def behaviour_days(warehouse: Events, site: str, span: Span, currency: str) -> pa.Table:
    """A row for each customer and local day with a visit in ``span``, by profile and day: profile, day (since
    1970-01-01), visits, views (of products), categories (of those), carts (what was put into one, and checkouts that
    began). Raises WarehouseUnavailable."""
    sql = _DAYS.format(day=span.day("ts"))
    return warehouse.table(sql, Scope(site, span.start, span.end, currency=currency))
