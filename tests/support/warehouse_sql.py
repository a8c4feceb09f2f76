"""Reports in SQL alone: what those that go along blocks are held against."""

from datetime import date

from tracker.durations import DAY_MS
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.currencies import OTHERS, currency_sums
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span, date_of
from warehouse.reports.filter_choices import Choices
from warehouse.reports.overview import CAME_BY, ENDS, LIMIT, NAMED_ONLY, Overview, overview_of_counts
from warehouse.reports.retention import HISTORY_DAYS, Deed, Unit
from warehouse.reports.vocabulary import Vocabulary, Word

# Below, hashes stand for texts: DuckDB groups and keeps 64-bit numbers several times as fast.
CAME = ("channel", "origin", "campaign", "keyword", "device", "browser", "os", "country", "city")
"""What every event says of the visit it belongs to."""

TOUCHPOINT_COLUMNS = f"""
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

# Who did how much on each day: the series and the totals both come from it, without counting visitors twice.
_SEEN = f"""
select {{day}} as day, hash(profile) as profile, count(*) as events, count(*) filter ({PAGEVIEW}) as pageviews,
       bool_or(demo) as demo
from events group by 1, 2
"""
_DAYS = """
select day, count(*) as visitors, sum(events)::bigint as events, sum(pageviews)::bigint as pageviews
from seen group by day
"""
_WHOLE = """
select count(distinct profile) as visitors, coalesce(sum(events), 0)::bigint as events,
       coalesce(sum(pageviews), 0)::bigint as pageviews, coalesce(bool_or(demo), false) as demo
from seen
"""
_VISITS = """
select {day} as day, count(*) as sessions, count(*) filter (caused = 1) as bounces from visits group by 1
"""
_ORDERS = """
select {day} as day, sum(orders)::bigint as orders, sum(revenue)::double / 10000 as revenue from orders group by 1
"""
_NET_ORDERS = "select * replace (hash(session) as session) from net_orders where currency = ''"
_BOUGHT = """
select session, sum(orders)::bigint as orders, sum(revenue)::bigint as revenue from orders where session <> hash('')
group by session
"""
_SHARES = """
select touch, profile, count(*) as sessions, count(*) filter (caused = 1) as bounces,
       sum(orders) as orders, sum(revenue) as revenue
from visits left join bought using (session) group by touch, profile
"""
_CAME = """
select {column} as name, sum(sessions)::bigint as sessions, count(distinct profile) as visitors,
       sum(bounces)::bigint as bounces, coalesce(sum(orders), 0)::bigint as orders,
       coalesce(sum(revenue), 0)::double / 10000 as revenue
from shares join touches using (touch) {condition}
group by name order by sessions desc, name limit $limit
"""
_ENDS = """
select path as name, ends.* exclude (code) from pages join (
    select {column} as code, count(*) as sessions, count(distinct profile) as visitors,
           count(*) filter (caused = 1) as bounces, coalesce(sum(orders), 0)::bigint as orders,
           coalesce(sum(revenue), 0)::double / 10000 as revenue
    from visits left join bought using (session) group by code
) ends on ends.code = hash(path) order by sessions desc, name limit $limit
"""
_PAGES = f"""
select path, coalesce(arg_max(title, ts) filter (title <> ''), '') as title, count(*) as pageviews,
       count(distinct hash(profile)) as visitors
from events where {PAGEVIEW} group by path
"""
_HOURS = """
select {local} // 3600000 % 24 as hour, ({day} + 3) % 7 as weekday,
       sum(sessions)::bigint as sessions, sum(orders)::bigint as orders
from (select start as ts, 1 as sessions, 0 as orders from visits
      union all select ts, 0, orders from orders where orders > 0) group by all order by all
"""


def overview_in_sql(events: Events, site: str, span: Span, currency: str, limit: int = LIMIT) -> Overview:
    day, start = span.day("ts"), span.day("start")
    queries = {
        "days": _DAYS,
        "whole": _WHOLE,
        "visits": _VISITS.format(day=start),
        "orders": _ORDERS.format(day=day),
        "pages": "from pages order by pageviews desc, path limit $limit",
        "hours": _HOURS.format(local=span.local("ts"), day=day),
        "others": OTHERS,
    }
    for column in CAME_BY:
        condition = f"where coalesce({column}, '') <> ''" if column in NAMED_ONLY else ""
        queries[column] = _CAME.format(column=column, condition=condition)
    for column in ENDS:
        queries[column] = _ENDS.format(column=column)
    prepared = {
        "seen": _SEEN.format(day=day),
        "visits": VISITS,
        "touches": TOUCHPOINT_COLUMNS,
        "orders": _NET_ORDERS,
        "bought": _BOUGHT,
        "shares": _SHARES,
        "pages": _PAGES,
    }
    scope = Scope(site, span.start, span.end, currency=currency)
    tables = events.tables(queries, scope, {"limit": limit}, prepared)
    others = currency_sums(tables.pop("others"))
    return overview_of_counts(span, {name: table.to_pylist() for name, table in tables.items()}, others)


_DATE = "('1970-01-01'::date + day::int)"
_PERIODS = {
    "day": "day",
    "week": "(day + 3) // 7",  # weeks begin on Monday: 1970-01-01 was a Thursday
    "month": f"date_part('year', {_DATE}) * 12 + date_part('month', {_DATE}) - 1",
}
_RETENTION = """
with days as (
    select profile, {day} as day, min(ts) as ts, arg_min(channel, ts) as channel from {deed} group by 1, 2
), periods as (
    select profile, ({period})::bigint as period, min(ts) as ts, arg_min(channel, ts) as channel
    from days group by 1, 2
), firsts as (
    select profile, min(period) as cohort, {channel} as channel from periods group by profile
)
select cohort, firsts.channel, period - cohort as later, count(*) as visitors
from periods join firsts using (profile) group by all
"""


def retention_in_sql(
    events: Events, site: str, span: Span, unit: Unit, deed: Deed, by_channel: bool
) -> dict[tuple[date, str], dict[int, int]]:
    """Of each cohort that is not empty: how many returned how many periods later."""
    sql = _RETENTION.format(
        day=span.day("ts"),
        deed={"visit": f"events where {CAUSED}", "purchase": "net_orders where orders > 0"}[deed],
        period=_PERIODS[unit],
        channel="arg_min(channel, ts)" if by_channel else "''",
    )
    begin = max(0, span.start - HISTORY_DAYS * DAY_MS)
    found: dict[tuple[date, str], dict[int, int]] = {}
    for row in events.rows(sql, Scope(site, begin, span.end, currency="EUR")):
        start = {
            "day": lambda period: date_of(period),
            "week": lambda period: date_of(period * 7 - 3),
            "month": lambda period: date(period // 12, period % 12 + 1, 1),
        }[unit](row["cohort"])
        found.setdefault((start, row["channel"]), {})[row["later"]] = row["visitors"]
    return found


def choices_in_sql(events: Events, site: str, span: Span, most: int) -> Choices:
    of = "select {0} as name from events where {0} <> '' group by 1 order by count(*) desc, 1 limit $most"
    views = of.format("path").replace("where", f"where {PAGEVIEW} and")
    queries = {"channels": of.format("channel"), "countries": of.format("country"), "pages": views}
    found = events.tables(queries, Scope(site, span.start, span.end), {"most": most})
    return Choices(*(tuple(found[name]["name"].to_pylist()) for name in queries))


def vocabulary_in_sql(events: Events, site: str, span: Span, most: int) -> Vocabulary:
    of = "select {0} as name, count(*) as count from events where {1} group by 1 order by 2 desc, 1 limit $most"
    queries = {
        "events": of.format("name", "type = 'track'"),
        "pages": of.format("path", f"{PAGEVIEW} and path <> ''"),
        "demo": "select coalesce(bool_or(demo), false) as demo from events",
    }
    found = events.tables(queries, Scope(site, span.start, span.end), {"most": most})
    words = [tuple(Word(**row) for row in found[name].to_pylist()) for name in ("events", "pages")]
    return Vocabulary(words[0], words[1], found["demo"]["demo"][0].as_py())
