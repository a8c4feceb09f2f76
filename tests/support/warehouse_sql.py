"""Reports in SQL alone: what those that go along blocks are held against."""

from datetime import date

from tracker.durations import DAY_MS
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.currencies import OTHERS, currency_sums
from warehouse.definitions.event_order import ORDER
from warehouse.definitions.visits import LONGEST_MS
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
select hash(session) as session, arg_min(hash(profile), ({ORDER})) filter ({CAUSED}) as profile,
       min(ts) filter ({CAUSED}) as start, count(*) filter ({CAUSED}) as caused,
       arg_min(hash({", ".join(CAME)}), ({ORDER})) filter ({CAUSED}) as touch,
       coalesce(arg_min(hash(path), ({ORDER})) filter ({PAGEVIEW}), hash('')) as entry,
       coalesce(arg_max(hash(path), ({ORDER})) filter ({PAGEVIEW}), hash('')) as exit
from visit_events group by hash(session)
"""
"""One row for each visit that begins in the scope; what a backend sends belongs to no visit.
How it came about: as its first deed says."""

# Who did how much on each day: the series and the totals both come from it, without counting visitors twice.
_SEEN = f"""
select {{period}} as period, hash(profile) as profile, count(*) as events, count(*) filter ({PAGEVIEW}) as pageviews,
       bool_or(demo) as demo
from events group by 1, 2
"""
_DAYS = """
select period, count(*) as visitors, sum(events)::bigint as events, sum(pageviews)::bigint as pageviews
from seen group by period
"""
_WHOLE = """
select count(distinct profile) as visitors, coalesce(sum(events), 0)::bigint as events,
       coalesce(sum(pageviews), 0)::bigint as pageviews, coalesce(bool_or(demo), false) as demo
from seen
"""
_BY_PERSON = """
select {period} as period, count(*) as n, count(*) filter (caused = 1) as b from visits group by 1, profile
"""
_SUMS = "[count(*), sum(b), sum(n), sum(b * b), sum(b * n), sum(n * n)]::bigint[]"
_VISITS = f"""
select period, sum(n)::bigint as sessions, sum(b)::bigint as bounces, {_SUMS} as people from ({_BY_PERSON}) group by 1
"""
_BOUNCES = f"select list_transform({_SUMS}, lambda each: coalesce(each, 0)) as people from ({_BY_PERSON})"
_ORDERS = """
select {period} as period, sum(orders)::bigint as orders, sum(revenue)::double / 10000 as revenue
from placed group by 1
"""
_PLACED = "select * from net_orders where currency = ''"
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
_COUNTRIES = """
with counted as (
    select country as name, sessions, profile, bounces, coalesce(orders, 0) as orders, coalesce(revenue, 0) as revenue
    from shares join touches using (touch)
    union all select country, 0, null, 0, orders, revenue from placed where session = ''
)
select name, sum(sessions)::bigint as sessions, count(distinct profile) as visitors, sum(bounces)::bigint as bounces,
       sum(orders)::bigint as orders, sum(revenue)::double / 10000 as revenue
from counted group by name having sum(sessions) > 0 or sum(orders) > 0 order by sessions desc, name limit $limit
"""
"""An order of no visit, too, is of the country that it names, or of none."""
_ENDS = """
select path as name, ends.* exclude (code) from (from seen_in_visits union select '') join (
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
_SEEN_IN_VISITS = f"select distinct path from visit_events where {PAGEVIEW}"
_HOURS = """
select {local} // 3600000 % 24 as hour, ({day} + 3) % 7 as weekday,
       sum(sessions)::bigint as sessions, sum(orders)::bigint as orders
from (select start as ts, 1 as sessions, 0 as orders from visits
      union all select ts, 0, orders from placed where orders > 0) group by all order by all
"""


def overview_in_sql(events: Events, site: str, span: Span, currency: str, limit: int = LIMIT) -> Overview:
    day = span.day("ts")
    queries = {
        "events": _DAYS,
        "whole": _WHOLE,
        "visits": _VISITS.format(period=_period(span, "start")),
        "bounces": _BOUNCES.format(period="0"),
        "orders": _ORDERS.format(period=_period(span, "ts")),
        "pages": "from pages order by pageviews desc, path limit $limit",
        "hours": _HOURS.format(local=span.local("ts"), day=day),
        "others": OTHERS,
    }
    for column in CAME_BY:
        condition = f"where coalesce({column}, '') <> ''" if column in NAMED_ONLY else ""
        queries[column] = _CAME.format(column=column, condition=condition)
    queries["country"] = _COUNTRIES
    for column in ENDS:
        queries[column] = _ENDS.format(column=column)
    prepared = {
        "seen": _SEEN.format(period=_period(span, "ts")),
        "visits": VISITS,
        "touches": TOUCHPOINT_COLUMNS.replace("from events", "from visit_events"),
        "placed": _PLACED,
        "pages": _PAGES,
        "seen_in_visits": _SEEN_IN_VISITS,
    }
    scope = Scope(site, span.start, span.end, currency=currency)
    longer = Scope(site, span.start, span.end + LONGEST_MS, currency=currency)
    ordered = events.table(_NET_ORDERS, longer).to_pylist()
    placed_in = [{name: row[name] for name in ("session", "orders", "revenue")} for row in ordered]
    lines = " union all ".join(
        f"select {row['session']}::ubigint as session, {row['orders']} as orders, {row['revenue']} as revenue"
        for row in placed_in
    )
    prepared["orders"] = lines or "select 0::ubigint as session, 0 as orders, 0 as revenue where false"
    prepared |= {"bought": _BOUGHT, "shares": _SHARES}
    tables = events.tables(queries, scope, {"limit": limit}, prepared)
    others = currency_sums(tables.pop("others"))
    return overview_of_counts(span, {name: table.to_pylist() for name, table in tables.items()}, others)


def _period(span: Span, column: str) -> str:
    """SQL: the number of the day of the span, or of the hour of a span of one day (that begins on a full hour)."""
    if span.first == span.last:
        return f"(({column} - {span.start}) // 3600000)"
    return f"({span.day(column)} - {(span.first - date_of(0)).days})"


_DATE = "('1970-01-01'::date + day::int)"
_PERIODS = {
    "day": "day",
    "week": "(day + 3) // 7",  # weeks begin on Monday: 1970-01-01 was a Thursday
    "month": f"date_part('year', {_DATE}) * 12 + date_part('month', {_DATE}) - 1",
}
_VISITED = f"""
select session, min(ts) as ts, arg_min(profile, ({ORDER})) as profile, arg_min(channel, ({ORDER})) as channel
from visit_events where {CAUSED} group by session
"""
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
        deed={"visit": f"({_VISITED})", "purchase": "net_orders where orders > 0"}[deed],
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
