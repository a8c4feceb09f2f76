"""The overview: how many came, from where, what they saw and bought.

A visitor is a person as far as Dangol knows: a distinct current profile. A visit is a distinct session
id; it belongs to the day on which it begins. A bounce is a visit with exactly one event that the visitor
caused. Days are the site's. Bots are not counted. An order counts as it stands now, on the day on which it was placed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.definitions.currencies import OTHERS, UNITS, CurrencySum, currency_sums
from warehouse.events import Events
from warehouse.index.scanned_orders import ORDERS, scanned_orders
from warehouse.question.scope import Scope
from warehouse.question.span import Span, date_of
from warehouse.reports.overview_counts import OverviewCounts, Rows

LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``orders`` that stand and their net ``revenue`` are those in the site's currency; ``bounce_rate`` of the visits,
    0 without any."""

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
    """``series`` has every day of the span. ``demo`` says that some of it is demo data. ``other_currencies``: orders
    that are in none of the figures, since they were paid in another currency than the site's."""

    demo: bool
    other_currencies: tuple[CurrencySum, ...]
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
    scan = events.scan(site, span.start, span.end)
    scope = Scope(site, span.start, span.end, currency=currency)
    tables = events.tables({"orders": ORDERS, "others": OTHERS}, scope)
    counts = OverviewCounts(scan, span, scanned_orders(tables["orders"], scan, span))
    answers = counts.answers(tuple(CAME_BY), tuple(NAMED_ONLY), limit)
    return overview_of_counts(span, answers, currency_sums(tables["others"]))


def overview_of_counts(span: Span, answers: Mapping[str, Rows], others: tuple[CurrencySum, ...]) -> Overview:
    """The overview of its parts' rows."""
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
        revenue=sum(round(day.revenue * UNITS) for day in series) / UNITS,
        bounce_rate=bounces / sessions if sessions else 0.0,
        demo=whole["demo"],
        other_currencies=others,
        series=series,
        pages=tuple(Page(**row) for row in answers["pages"]),
        hours=tuple(Hour(**row) for row in answers["hours"]),
        channels=tuple(Channel(channel=row["name"], **row) for row in answers["channel"]),
        **groups,
    )


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
