"""What counts as an order, in SQL. ``warehouse.index.scanned_orders`` counts the same in a scan."""

ORDERS = """
select arg_min({session}, ts) as session, arg_min({profile}, ts + stranger) as profile, min(ts) as ts,
       arg_min(coalesce(revenue, 0), ts + stranger) as revenue, max((name = 'Order Completed')::bigint) as orders,
       max("order") as number
from (
    select *, case when sender = 'site' then 0 else 1::bigint << 60 end as stranger from events
    where name in ('Order Completed', 'Order Refunded') and repeated is not true
)
group by case name when 'Order Completed' then coalesce("order", id) else name || id end
"""
"""An order counts once, at its first event, however often and in whatever span it is reported; a refund lowers the
revenue. What the site itself told of it counts before what pages told: whoever guesses the number of an order to come
changes neither whose it is nor its amount. To be completed with what to keep of ``session`` and ``profile``."""
