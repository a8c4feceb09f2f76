"""Who bought when and for how much: what a customer's value is computed from."""

import pyarrow as pa

from warehouse.definitions.currencies import UNITS
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

_PURCHASES = """
select profile, count(distinct {day}) filter (orders > 0)::double as days, sum(orders)::bigint as orders,
       greatest(coalesce(sum(revenue) filter (currency = ''), 0), 0)::double / {units} as revenue,
       count(distinct {day}) filter (orders > 0 and currency = '')::double as paid_days,
       min(ts) filter (orders > 0) as first, max(ts) filter (orders > 0) as last
from net_orders group by profile having sum(orders) > 0 order by profile
"""


def purchases(warehouse: Events, site: str, span: Span, currency: str) -> pa.Table:
    """A row for each profile with an order in ``span`` that stands: profile, days (with an order, in the site's
    timezone), orders, revenue (net, less credit notes, 0 at least; of what was paid in ``currency``, the site's),
    paid_days (with an order in that currency), first, last (order, ms). Raises WarehouseUnavailable."""
    sql = _PURCHASES.format(day=span.day("ts"), units=UNITS)
    return warehouse.table(sql, Scope(site, span.start, span.end, currency=currency))
