"""The overview: how many came, from where, what they saw and bought.

A visitor is a person as far as Dangol knows: a distinct current profile. A visit has a deed, and belongs to the day on
which it begins (``warehouse.definitions.visits``): the days add up to the span. Events and page views belong to the day
on which they happened, visitors to every day on which they did something: the days' visitors do not add up. A bounce is
a visit with exactly one deed. Days are the site's. Bots are not counted. An order counts as it stands now, on the day
on which it was placed.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from warehouse.definitions.currencies import OTHERS, UNITS, CurrencySum, currency_sums
from warehouse.definitions.shares import NO_CLUSTERS, NO_SHARE, Clusters, Share, share_of_clusters
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.index.scanned_orders import ORDERS, scanned_orders
from warehouse.question.periods import Periods
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.reports.event_counts import EventCounts
from warehouse.reports.grouped_rows import Rows
from warehouse.reports.visit_counts import VisitCounts

LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``orders`` that stand and their net ``revenue`` are those in the site's currency; ``bounce_rate`` of the visits,
    0 without any, with its interval (of which several visits of one person are no independent ones)."""

    visitors: int = 0
    sessions: int = 0
    pageviews: int = 0
    events: int = 0
    orders: int = 0
    revenue: float = 0.0
    bounce_rate: float = 0.0
    bounce_rate_interval: Share = NO_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Figures):
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfDay(Figures):
    """``start``: when it begins, with the offset of the site's clock."""

    start: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """WholeVisits that have something in common: their channel, origin, keyword, campaign, device …"""

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
    """``series`` has every day of the span, ``by_hour`` every hour of a span of one day. ``demo`` says that some of it
    is demo data. ``other_currencies``: orders that are in none of the figures, since they were paid in another currency
    than the site's."""

    demo: bool
    other_currencies: tuple[CurrencySum, ...]
    series: tuple[Day, ...]
    by_hour: tuple[HourOfDay, ...]
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
    cities: tuple[Group, ...]
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
    "city": "cities",
}
ENDS = {"entry": "entries", "exit": "exits"}
NAMED_ONLY = frozenset({"keyword", "campaign", "origin", "city"})
"""Most visits have none of these: a row "" would say nothing."""


def overview(events: Events, site: str, span: Span, currency: str, limit: int = LIMIT) -> Overview:
    """What happened on ``site``, whose currency is ``currency``, in ``span``; lists hold at most ``limit`` rows, the
    largest first."""
    visits, periods = events.visits(site, span.start, span.end), Periods(span)
    # What a visit orders after the end of the span is that visit's, too.
    scope = Scope(site, span.start, span.end + LONGEST_MS, currency=currency)
    orders = events.table(ORDERS, scope)
    others = events.table(OTHERS, Scope(site, span.start, span.end, currency=currency))
    of_visits = VisitCounts(visits, periods, scanned_orders(orders, visits.scan, span))
    asked = of_visits.answers(tuple(CAME_BY), tuple(NAMED_ONLY), limit)
    asked |= EventCounts(events.scan(site, span.start, span.end), periods).answers(limit)
    with ThreadPoolExecutor(2, "overview") as pool:
        answers = dict(zip(asked, pool.map(lambda ask: ask(), asked.values()), strict=True))
    return overview_of_counts(span, answers, currency_sums(others))


def overview_of_counts(span: Span, answers: Mapping[str, Rows], others: tuple[CurrencySum, ...]) -> Overview:
    """The overview of its parts' rows."""
    whole, periods = answers["whole"][0], Periods(span)
    figures = _figures(periods, answers["events"] + answers["visits"] + answers["orders"])
    groups: dict[str, Any] = {
        name: tuple(Group(**row) for row in answers[column])
        for column, name in (CAME_BY | ENDS).items()
        if column != "channel"
    }
    bounces = sum(row["bounces"] for row in answers["visits"])
    sessions = sum(each.get("sessions", 0) for each in figures)
    total = Figures(
        visitors=whole["visitors"],
        sessions=sessions,
        pageviews=whole["pageviews"],
        events=whole["events"],
        orders=sum(int(each.get("orders", 0)) for each in figures),
        revenue=sum(round(each.get("revenue", 0.0) * UNITS) for each in figures) / UNITS,
        bounce_rate=bounces / sessions if sessions else 0.0,
        bounce_rate_interval=share_of_clusters(Clusters(*answers["bounces"][0]["people"])),
    )
    days = [_flat(total)] if periods.hourly else [_counted(each) for each in figures]
    hours = zip(periods.hours(), figures, strict=True) if periods.hourly else ()
    return Overview(
        **_flat(total),
        demo=whole["demo"],
        other_currencies=others,
        series=tuple(Day(day=day, **each) for day, each in zip(span.days(), days, strict=True)),
        by_hour=tuple(HourOfDay(start=start, **_counted(each)) for start, each in hours),
        pages=tuple(Page(**row) for row in answers["pages"]),
        hours=tuple(Hour(**row) for row in answers["hours"]),
        channels=tuple(Channel(channel=row["name"], **row) for row in answers["channel"]),
        **groups,
    )


def _figures(periods: Periods, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is known of each period, from rows that know some of its figures."""
    found: list[dict[str, Any]] = [{} for _ in range(periods.count)]
    for row in rows:
        found[row["period"]] |= row
    return found


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    sessions = row.get("sessions", 0)
    return {
        "visitors": row.get("visitors", 0),
        "sessions": sessions,
        "pageviews": row.get("pageviews", 0),
        "events": row.get("events", 0),
        "orders": int(row.get("orders", 0)),
        "revenue": float(row.get("revenue", 0.0)),
        "bounce_rate": row.get("bounces", 0) / sessions if sessions else 0.0,
        "bounce_rate_interval": share_of_clusters(Clusters(*row.get("people", NO_CLUSTERS))),
    }


def _flat(figures: Figures) -> dict[str, Any]:
    return {each.name: getattr(figures, each.name) for each in fields(Figures)}
