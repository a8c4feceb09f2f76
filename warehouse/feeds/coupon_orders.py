"""The orders that name a coupon."""

from dataclasses import dataclass

from warehouse.events import Events
from warehouse.question.scope import Scope

_ORDERS = """
with told as (
    select coalesce("order", id) as number, name, ts, revenue, currency, props,
           sender is distinct from 'site' as stranger
    from events
    where type = 'track' and name in ('Order Completed', 'Order Cancelled') and doubtful is not true
),
cancelled as (select distinct number from told where name = 'Order Cancelled')
select number, arg_min(props, row(stranger, ts)) as props, arg_min(coalesce(revenue, 0), row(stranger, ts)) as revenue,
       arg_min(currency, row(stranger, ts)) as currency, min(ts) as ts
from told where name = 'Order Completed' and number not in (select number from cancelled)
group by number
having ts >= $start and ts < $end
   and (contains(lower(props), '"coupon') or contains(lower(props), '"discount') or contains(lower(props), '"promo'))
order by ts, number
"""


@dataclass(frozen=True, slots=True)
class CouponOrder:
    """An order that stands, told once. ``props`` is JSON; ``currency`` that of ``revenue``, None for the site's."""

    number: str
    ts: int
    revenue: float
    currency: str | None
    props: str


def coupon_orders(events: Events, site: str, start: int, end: int) -> list[CouponOrder]:
    """Orders with ``start`` ≤ ts < ``end`` (ms) whose properties may name a coupon. Raises WarehouseUnavailable."""
    rows = events.rows(_ORDERS, Scope(site), {"start": start, "end": end})
    return [
        CouponOrder(row["number"], row["ts"], row["revenue"], row["currency"], row["props"]) for row in rows
    ]
