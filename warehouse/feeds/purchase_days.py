"""Who bought on which day and for how much: what every score of a customer is computed from."""

import pyarrow as pa

from warehouse.definitions.currencies import UNITS
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

_DAYS = """
with days as (
    select profile, {day}::integer as day, sum(orders)::bigint as orders,
           coalesce(max(ts) filter (orders > 0), max(ts)) as ts,
           coalesce(sum(amount) filter (currency = '' and state <> 'credit note'), 0)::bigint as gross,
           coalesce(sum(revenue) filter (currency = ''), 0)::bigint as change
    from net_orders group by all
), noted as (select distinct profile from days where change < 0),
summed as (
    select *, sum(change) over (partition by profile order by day) as level from days semi join noted using (profile)
), left_over as (
    select *, greatest(min(level) over (
        partition by profile order by day rows between current row and unbounded following
    ), 0) as least_level from summed
), kept as (
    select * exclude (level, least_level),
           (least_level - lag(least_level, 1, 0) over (partition by profile order by day))::bigint as revenue
    from left_over
    union all by name
    select *, change as revenue from days anti join noted using (profile)
)
select profile, day, ts, orders::integer as orders, gross::double / {units} as gross,
       revenue::double / {units} as revenue
from kept where orders > 0 or gross > 0 order by profile, day
"""
"""A credit note takes off what the person bought last before it, and what it exceeds that by, off what comes next."""


def purchase_days(warehouse: Events, site: str, span: Span, currency: str) -> pa.Table:
    """A row for each person and local day with an order in ``span``, by profile and day: profile, day (since
    1970-01-01), ts (of the last order, ms), orders (that stand), gross (as ordered, whatever became of it), revenue
    (what is left after refunds, cancellations and credit notes, never below 0). Money is what was paid in
    ``currency``, the site's. Raises WarehouseUnavailable."""
    sql = _DAYS.format(day=span.day("ts"), units=UNITS)
    return warehouse.table(sql, Scope(site, span.start, span.end, currency=currency))
