"""The overview: how many came, from where, what they saw and bought.

A visitor is a person as far as Dangol knows: a distinct current profile. A visit is a distinct session
id; it belongs to the day on which it begins. A bounce is a visit with exactly one event that the visitor
caused. Days are the site's. Bots are not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.scope import Events, Scope, Walking
from warehouse.span import Span, date_of
from warehouse.tally import Tally
from warehouse.visits import ORDERS, PAGEVIEW, TOUCHES, VISITS

LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``revenue`` in the site's currency, less refunds; ``bounce_rate`` of the visits, 0 without any."""

    visitors: int = 0
    sessions: int = 0
    pageviews: int = 0
    events: int = 0
    orders: int = 0
    revenue: float = 0.0
    bounce_rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Figures):
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Visits that have something in common: their channel, origin, keyword, campaign, device …"""

    name: str
    visitors: int
    sessions: int
    bounces: int
    orders: int
    revenue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Group):
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    path: str
    title: str
    pageviews: int
    visitors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Weekday 0 is Monday; both on the site's clock."""

    weekday: int
    hour: int
    sessions: int
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(Figures):
    """``series`` has every day of the span. ``demo`` says that some of it is demo data."""

    demo: bool
    series: tuple[Day, ...]
    channels: tuple[Channel, ...]
    pages: tuple[Page, ...]
    entries: tuple[Group, ...]
    exits: tuple[Group, ...]
    origins: tuple[Group, ...]
    keywords: tuple[Group, ...]
    campaigns: tuple[Group, ...]
    devices: tuple[Group, ...]
    browsers: tuple[Group, ...]
    systems: tuple[Group, ...]
    countries: tuple[Group, ...]
    hours: tuple[Hour, ...]


CAME_BY = {
    "channel": "channels",
    "origin": "origins",
    "keyword": "keywords",
    "campaign": "campaigns",
    "device": "devices",
    "browser": "browsers",
    "os": "systems",
    "country": "countries",
}
ENDS = {"entry": "entries", "exit": "exits"}
NAMED_ONLY = frozenset({"keyword", "campaign", "origin"})
"""Most visits have none of these: a row "" would say nothing."""

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
_ORDERS = "select {day} as day, sum(orders)::bigint as orders, sum(revenue) as revenue from orders group by 1"
_BOUGHT = """
select session, sum(orders)::bigint as orders, sum(revenue) as revenue from orders group by session
"""
_SHARES = """
select touch, profile, count(*) as sessions, count(*) filter (caused = 1) as bounces,
       sum(orders) as orders, sum(revenue) as revenue
from visits left join bought using (session) group by touch, profile
"""
_CAME = """
select {column} as name, sum(sessions)::bigint as sessions, count(distinct profile) as visitors,
       sum(bounces)::bigint as bounces, coalesce(sum(orders), 0)::bigint as orders,
       coalesce(sum(revenue), 0) as revenue
from shares join touches using (touch) {condition}
group by name order by sessions desc, name limit $limit
"""
_ENDS = """
select path as name, ends.* exclude (code) from pages join (
    select {column} as code, count(*) as sessions, count(distinct profile) as visitors,
           count(*) filter (caused = 1) as bounces, coalesce(sum(orders), 0)::bigint as orders,
           coalesce(sum(revenue), 0) as revenue
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


def overview(events: Events, site: str, span: Span, limit: int = LIMIT) -> Overview:
    """What happened on ``site`` in ``span``; lists hold at most ``limit`` rows, the largest first."""
    walk = events.walk(site, span.start, span.end) if isinstance(events, Walking) else None
    if isinstance(events, Walking) and walk and walk.trails:
        answers = Tally(events, walk, span).answers(tuple(CAME_BY), tuple(NAMED_ONLY), limit)
    else:
        answers = _asked(events, site, span, limit)
    whole = answers["whole"][0]
    series = _series(span, answers["days"] + answers["visits"] + answers["orders"])
    groups = {
        name: tuple(Group(**row) for row in answers[column])
        for column, name in (CAME_BY | ENDS).items()
        if column != "channel"
    }
    bounces = sum(row["bounces"] for row in answers["visits"])
    sessions = sum(day.sessions for day in series)
    return Overview(
        visitors=whole["visitors"],
        sessions=sessions,
        pageviews=whole["pageviews"],
        events=whole["events"],
        orders=sum(day.orders for day in series),
        revenue=sum(day.revenue for day in series),
        bounce_rate=bounces / sessions if sessions else 0.0,
        demo=whole["demo"],
        series=series,
        pages=tuple(Page(**row) for row in answers["pages"]),
        hours=tuple(Hour(**row) for row in answers["hours"]),
        channels=tuple(Channel(channel=row["name"], **row) for row in answers["channel"]),
        **groups,
    )


def _asked(events: Events, site: str, span: Span, limit: int) -> dict[str, list[dict[str, Any]]]:
    """The answers in SQL, where not all events count."""
    day, start = span.day("ts"), span.day("start")
    queries = {
        "days": _DAYS,
        "whole": _WHOLE,
        "visits": _VISITS.format(day=start),
        "orders": _ORDERS.format(day=day),
        "pages": "from pages order by pageviews desc, path limit $limit",
        "hours": _HOURS.format(local=span.local("ts"), day=day),
    }
    for column in CAME_BY:
        condition = f"where {column} <> ''" if column in NAMED_ONLY else ""
        queries[column] = _CAME.format(column=column, condition=condition)
    for column in ENDS:
        queries[column] = _ENDS.format(column=column)
    prepared = {
        "seen": _SEEN.format(day=day),
        "visits": VISITS,
        "touches": TOUCHES,
        "orders": ORDERS.format(session="hash(session)", profile="hash(profile)"),
        "bought": _BOUGHT,
        "shares": _SHARES,
        "pages": _PAGES,
    }
    tables = events.tables(queries, Scope(site, span.start, span.end), {"limit": limit}, prepared)
    return {name: table.to_pylist() for name, table in tables.items()}


def _series(span: Span, rows: Iterable[dict[str, Any]]) -> tuple[Day, ...]:
    """One Day for each of the span, from rows that know some of its figures."""
    found: dict[date, dict[str, Any]] = {day: {} for day in span.days()}
    for row in rows:
        found[date_of(row["day"])] |= row
    return tuple(_day(day, row) for day, row in found.items())


def _day(day: date, row: dict[str, Any]) -> Day:
    sessions = row.get("sessions", 0)
    return Day(
        day=day,
        visitors=row.get("visitors", 0),
        sessions=sessions,
        pageviews=row.get("pageviews", 0),
        events=row.get("events", 0),
        orders=int(row.get("orders", 0)),
        revenue=float(row.get("revenue", 0.0)),
        bounce_rate=row.get("bounces", 0) / sessions if sessions else 0.0,
    )
