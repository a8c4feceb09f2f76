"""Who did what with which item: what the recommender learns from."""

import pyarrow as pa

from warehouse.definitions.orders import LINES_KEPT, TRANSITIONS
from warehouse.events import Events
from warehouse.question.scope import Scope

_LINES = f"""
with {LINES_KEPT},
acts as (
    select * from events where doubtful is not true and name not in (select unnest($transitions))
)
select profile, session, name, ts, received, sender, line.product as product, line.category as category,
       line.quantity as quantity
from (select profile, session, name, ts, received, sender, unnest(items) as line from acts where len(items) > 0)
where line.product is not null
union all by name
select profile, session, name, ts, received, sender, product, category, quantity from acts
where product is not null and coalesce(len(items), 0) = 0
union all by name
select profile, session, 'Order Completed' as name, ts, received, sender, product, category, kept as quantity
from lines_kept where orders > 0 and kept > 0
"""

_NEWEST = "select max(ts) as ts from events where product is not null or len(items) > 0"


def newest(warehouse: Events, site: str) -> int | None:
    """When the last event with a product happened (ms); None without any. Raises WarehouseUnavailable."""
    (row,) = warehouse.rows(_NEWEST, Scope(site))
    found: int | None = row["ts"]
    return found


def interactions(warehouse: Events, site: str, currency: str, start: int = 0, end: int = 1 << 53) -> pa.Table:
    """One row for each event and product it names, and for each product that a person bought and kept: profile,
    session, name (of the event), ts and received (ms), sender, product, category, quantity; in no order. What was
    cancelled, given back or set apart is left out. ``currency`` is the site's. Raises WarehouseUnavailable."""
    return warehouse.table(
        _LINES, Scope(site, start, end, currency=currency), {"transitions": list(TRANSITIONS)}
    )
