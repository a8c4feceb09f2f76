"""Visits: the events grouped by session id. A view, not a second truth."""

CAUSED = """(type in ('page', 'screen') or
    (type = 'track' and name not in ('Offer Viewed', 'Offer Decided', 'Offer Withheld')))"""
"""SQL: whether the visitor caused the event. A banner that was shown or an identify call is not a deed."""

PAGEVIEW = "type in ('page', 'screen')"

ORDERS = """
select arg_min({session}, ts) as session, arg_min({profile}, ts) as profile, min(ts) as ts,
       arg_min(coalesce(revenue, 0), ts) as revenue, max((name = 'Order Completed')::bigint) as orders
from events where name in ('Order Completed', 'Order Refunded') and repeated is not true
group by case name when 'Order Completed' then coalesce("order", id) else name || id end
"""
"""An order counts once, at its first event, however often and in whatever span it is reported; a refund lowers the
revenue. To be completed with what to keep of ``session`` and ``profile``."""

# Below, hashes stand for texts: DuckDB groups and keeps 64-bit numbers several times as fast.
CAME = ("channel", "origin", "campaign", "keyword", "device", "browser", "os", "country")
"""What every event says of the visit it belongs to."""

TOUCHES = f"""
select hash({", ".join(CAME)}) as touch, {", ".join(f"any_value({name}) as {name}" for name in CAME)}
from events group by touch
"""

VISITS = f"""
select hash(session) as session, arg_min(hash(profile), ts) as profile, min(ts) as start,
       count(*) filter ({CAUSED}) as caused, arg_min(hash({", ".join(CAME)}), ts) as touch,
       arg_min(hash(path), ts) filter ({PAGEVIEW}) as entry, arg_max(hash(path), ts) filter ({PAGEVIEW}) as exit
from events where session <> '' group by hash(session)
"""
"""One row for each session id that occurs in the scope; what a backend sends belongs to no visit.
How it came about: as its first event says."""
