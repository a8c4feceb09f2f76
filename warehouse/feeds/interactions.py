"""Who did what with which item: what the recommender learns from."""

import pyarrow as pa

from warehouse.events import Events
from warehouse.question.scope import Scope

_LINES = """
select profile, session, name, ts, received, sender, line.product as product, line.category as category,
       line.quantity as quantity
from (
    select profile, session, name, ts, received, sender, unnest(items) as line from events
    where len(items) > 0 and doubtful is not true
) where line.product is not null
union all by name
select profile, session, name, ts, received, sender, product, category, quantity from events
where product is not null and coalesce(len(items), 0) = 0 and doubtful is not true
"""


_NEWEST = "select max(ts) as ts from events where product is not null or len(items) > 0"


def newest(warehouse: Events, site: str) -> int | None:
    """When the last event with a product happened (ms); None without any. Raises WarehouseUnavailable."""
    (row,) = warehouse.rows(_NEWEST, Scope(site))
    found: int | None = row["ts"]
    return found


def interactions(warehouse: Events, site: str, start: int = 0, end: int = 1 << 53) -> pa.Table:
    """One row for each event and product it names, an order's lines each: profile, session, name (of the event),
    ts and received (ms), sender, product, category, quantity; in no order. Orders that were set apart are left out.
    Raises WarehouseUnavailable."""
    return warehouse.table(_LINES, Scope(site, start, end))
