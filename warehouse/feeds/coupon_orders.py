"""The orders that name a coupon."""

from dataclasses import dataclass

from warehouse.definitions.currencies import UNITS
from warehouse.events import Events
from warehouse.question.scope import Scope

_ORDERS = """
with naming as (
    select hash(case when "order" is not null then 'o' || "order" else 'e' || id end) as key,
           coalesce("order", id) as name, arg_min(props, row(sender is distinct from 'site', ts)) as props
    from events
    where type = 'track' and name = 'Order Completed' and doubtful is not true
      and (contains(lower(props), '"coupon') or contains(lower(props), '"discount') or contains(lower(props), '"promo'))
    group by all
)
select naming.name as number, ts, revenue::double / {units} as revenue, currency, props
from net_orders join naming using (key) where orders > 0 order by ts, number
"""


@dataclass(frozen=True, slots=True)
class CouponOrder:
    """An order that stands. ``revenue`` is net, in ``currency``, "" for the site's; ``props`` is JSON."""

    number: str
    ts: int
    revenue: float
    currency: str
    props: str


def coupon_orders(events: Events, site: str, start: int, end: int, currency: str) -> list[CouponOrder]:
    """Orders with ``start`` ≤ ts < ``end`` (ms) whose properties may name a coupon. ``currency`` is the site's. Raises
    WarehouseUnavailable."""
    rows = events.rows(_ORDERS.format(units=UNITS), Scope(site, start, end, currency=currency))
    return [CouponOrder(**row) for row in rows]
