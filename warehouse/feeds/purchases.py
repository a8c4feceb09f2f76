"""Who bought when and for how much: what a customer's value is computed from."""

import pyarrow as pa

from warehouse.definitions.orders import ORDERS
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

_PURCHASES = """
select profile, count(distinct day) filter (orders > 0)::double as days, sum(orders)::bigint as orders,
       greatest(sum(revenue), 0) as revenue, min(ts) filter (orders > 0) as first, max(ts) filter (orders > 0) as last
from (select *, {day} as day from orders) group by profile having sum(orders) > 0 order by profile
"""


def purchases(warehouse: Events, site: str, span: Span) -> pa.Table:
    """A row for each profile with an order in ``span``: profile, days (with an order, in the site's timezone), orders,
    revenue (less refunds, 0 at least), first, last (order, ms). Raises WarehouseUnavailable."""
    found = warehouse.tables(
        {"purchases": _PURCHASES.format(day=span.day("ts"))},
        Scope(site, span.start, span.end),
        prepared={"orders": ORDERS.format(session="session", profile="profile")},
    )
    return found["purchases"]
