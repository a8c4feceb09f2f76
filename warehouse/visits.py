"""Visits: the events grouped by session id. A view, not a second truth."""

CAUSED = """(type in ('page', 'screen') or
    (type = 'track' and name not in ('Offer Viewed', 'Offer Decided', 'Offer Withheld')))"""
"""SQL: whether the visitor caused the event. A banner that was shown or an identify call is not a deed."""

PAGEVIEW = "type in ('page', 'screen')"

ORDERS = """
select arg_min(session, ts) as session, arg_min(profile, ts) as profile, min(ts) as ts,
           arg_min(coalesce(revenue, 0), ts) as revenue, 1 as orders
    from events where name = 'Order Completed' group by coalesce("order", id)
    union all
    select session, profile, ts, coalesce(revenue, 0), 0 from events where name = 'Order Refunded'
"""
"""An order counts once, at its first event, however often it is reported; a refund lowers the revenue."""

VISITS = f"""
select session, arg_min(profile, ts) as profile, min(ts) as start, max(ts) as last, count(*) as events,
           count(*) filter ({CAUSED}) as caused, count(*) filter ({PAGEVIEW}) as pageviews,
           arg_min(channel, ts) as channel, arg_min(origin, ts) as origin, arg_min(campaign, ts) as campaign,
           arg_min(keyword, ts) as keyword, arg_min(device, ts) as device, arg_min(browser, ts) as browser,
           arg_min(os, ts) as os, arg_min(country, ts) as country,
           arg_min(path, ts) filter ({PAGEVIEW}) as entry, arg_max(path, ts) filter ({PAGEVIEW}) as exit
    from events group by session
"""
"""One row for each session id that occurs in the scope. How it came about: as its first event says."""
