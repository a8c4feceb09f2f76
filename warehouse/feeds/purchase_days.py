"""Who bought on which day and for how much: what every score of a customer is computed from."""

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

from warehouse.definitions.currencies import UNITS
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

NO_COSTS: Mapping[str, float] = MappingProxyType({})

_COSTS = """
told_costs as (
    select "order" as number, arg_max(cost, ts) as cost from (
        select "order", ts, try_cast(props ->> '$.cost' as double) as cost from events
        where sender = 'site' and name in ('Order Completed', 'Order Updated') and "order" is not null
            and contains(props, '"cost"') and coalesce(props ->> '$.currency', $own) = $own
    ) where cost >= 0 and isfinite(cost) group by number
), unit_costs as (select unnest($products) as product, unnest($costs) as unit),
line_costs as (
    select key, sum(net_lines.quantity * unit) as cost,
           sum(net_lines.revenue) filter (unit is not null) / nullif(sum(net_lines.revenue), 0) as known
    from net_lines left join unit_costs using (product) group by key having count(unit) > 0
), costed as (
    select net_orders.*,
           case when told_costs.cost is not null then told_costs.cost * net_orders.revenue / nullif(amount, 0)
                else line_costs.cost end as cost,
           case when told_costs.cost is not null then net_orders.revenue
                when line_costs.cost is not null then net_orders.revenue * coalesce(line_costs.known, 1) end as of_known
    from net_orders left join told_costs on told_costs.number = net_orders.number and net_orders.number <> ''
    left join line_costs using (key)
)
"""
"""What an order's own ``cost`` says of the whole of it, as the site told it in its currency; else what the costs of its
products add up to. ``of_known``: the revenue that they are of. Of what was given back, nothing."""

_DAYS = """
with {costs}, days as (
    select profile, {day}::integer as day, sum(orders)::bigint as orders,
           coalesce(max(ts) filter (orders > 0), max(ts)) as ts,
           coalesce(sum(amount) filter (currency = '' and state <> 'credit note'), 0)::bigint as gross,
           coalesce(sum(revenue) filter (currency = ''), 0)::bigint as change,
           coalesce(sum(revenue) filter (currency = '' and orders > 0), 0)::bigint as sold,
           coalesce(sum(cost) filter (currency = '' and orders > 0), 0) as cost,
           coalesce(sum(of_known) filter (currency = '' and orders > 0), 0)::double as costed
    from costed group by all
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
       revenue::double / {units} as revenue,
       case when sold > 0 then cost * revenue / sold else 0 end::double as cost,
       case when sold > 0 then costed * revenue / sold / {units} else 0 end::double as costed
from kept where orders > 0 or gross > 0 order by profile, day
"""
"""A credit note takes off what the person bought last before it, and what it exceeds that by, off what comes next."""


def purchase_days(
    warehouse: Events, site: str, span: Span, currency: str, unit_costs: Mapping[str, float] = NO_COSTS
) -> pa.Table:
    """A row for each person and local day with an order in ``span``, by profile and day: profile, day (since
    1970-01-01), ts (of the last order, ms), orders (that stand), gross (as ordered, whatever became of it), revenue
    (what is left after refunds, cancellations and credit notes, never below 0), cost (of what is left, where known),
    costed (the revenue of which the cost is known). Money is what was paid in ``currency``, the site's, as are
    ``unit_costs``, by product. Raises WarehouseUnavailable."""
    sql = _DAYS.format(day=span.day("ts"), units=UNITS, costs=_COSTS)
    params = {
        "own": currency,
        "products": list(unit_costs),
        "costs": [float(each) for each in unit_costs.values()],
    }
    return warehouse.table(sql, Scope(site, span.start, span.end, currency=currency), params)
