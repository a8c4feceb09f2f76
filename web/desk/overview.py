"""The overview: figures of a period beside the one before, by day; where visitors come from and what they do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request

from tracker.sites import Site
from warehouse.overview import Day as DayFigures
from warehouse.overview import Figures, Group, Hour, Overview, overview
from web import formats
from web.charts import Plot, plot
from web.desk.pages import Pages
from web.desk.period import Period, period_of
from web.desk.person import channel
from web.services import Services

METRICS = ("visitors", "sessions", "pageviews", "orders", "revenue", "bounce_rate")
LABELS = {
    "visitors": "Visitors",
    "sessions": "Visits",
    "pageviews": "Page views",
    "orders": "Orders",
    "revenue": "Revenue",
    "bounce_rate": "Bounce rate",
}
DAILY = METRICS[:-1]
ROWS = 10
AXIS_LABELS = 6
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the period. ``href`` chooses it for the chart, "" when it has none by day."""

    name: str
    label: str
    value: str
    change: float | None
    better: str
    href: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row whose bar is ``share`` of the longest."""

    name: str
    value: float
    share: float
    extra: str


@dataclass(frozen=True, slots=True)
class Table:
    """One tab of a card."""

    id: str
    label: str
    column: str
    value: str
    extra: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    look: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HourCell:
    """``shade`` 0 to 4, of the busiest hour."""

    shade: int
    title: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """What the template draws. ``points`` is JSON for the cursor of desk.js."""

    demo: bool
    empty: bool
    headline: str
    metric: str
    figures: tuple[Figure, ...]
    plot: Plot
    points: str
    label: str
    ticks: tuple[str, ...]
    axis: tuple[str, ...]
    columns: tuple[str, ...]
    days: tuple[Day, ...]
    cards: tuple[Card, ...]
    hours: tuple[tuple[str, tuple[HourCell, ...]], ...]


def overview_blueprint(pages: Pages, services: Services) -> Blueprint:
    blueprint = Blueprint("desk_overview", __name__)

    @blueprint.get("/desk")
    def show() -> Response:
        site = pages.site()
        metric = request.args.get("metric", "visitors")
        metric = metric if metric in DAILY else "visitors"
        period = period_of(request.args, site, services.clock(), "/desk", (("metric", metric),))
        span = period.span(site)
        now = overview(services.warehouse, site.id, span, ROWS)
        before = overview(services.warehouse, site.id, span.before(), 1)
        view = view_of(now, before, period, site, metric)
        return pages.show("desk/overview.html", "overview", site, period=period, view=view)

    return pages.guard(blueprint)


def view_of(now: Overview, before: Overview, period: Period, site: Site, metric: str) -> OverviewView:
    """``before`` is the period that went before."""
    drawn = plot(_values(now, metric), _values(before, metric) if before.events else ())
    return OverviewView(
        demo=now.demo,
        empty=not now.events and not before.events,
        headline=_headline(now),
        metric=metric,
        figures=tuple(_figure(name, now, before, period, site) for name in METRICS),
        plot=drawn,
        points=_points(drawn, now, before, metric, site),
        label=f"{LABELS[metric]} by day, {period.title}",
        ticks=tuple(_axis_value(metric, tick, site) for tick in drawn.ticks),
        axis=tuple(_short(day) for day in spread([day.day for day in now.series], AXIS_LABELS)),
        columns=tuple(LABELS[name] for name in DAILY),
        days=tuple(_day(day, site) for day in now.series),
        cards=_cards(now),
        hours=_hours(now.hours),
    )


def spread(values: Sequence[date], count: int) -> list[date]:
    """At most ``count`` of the values, evenly apart, the first and the last among them."""
    if len(values) <= count:
        return list(values)
    return [values[round(index * (len(values) - 1) / (count - 1))] for index in range(count)]


def _values(overview: Overview, metric: str) -> list[float]:
    return [float(getattr(day, metric)) for day in overview.series]


def _headline(now: Overview) -> str:
    """The period in one sentence."""
    if not now.sessions:
        return "Nobody came by in this period."
    text = f"{formats.number(now.visitors)} {'visitor' if now.visitors == 1 else 'visitors'} came "
    text += "once" if now.sessions == 1 else f"{formats.number(now.sessions)} times"
    return (
        f"{text}; {formats.percent(now.orders / now.sessions)} of the visits brought an order."
        if now.orders
        else f"{text}."
    )


def _figure(name: str, now: Figures, before: Figures, period: Period, site: Site) -> Figure:
    earlier = getattr(before, name) if before.sessions else None
    return Figure(
        name=name,
        label=LABELS[name],
        value=_value(name, getattr(now, name), site),
        change=formats.change(getattr(now, name), earlier),
        better="down" if name == "bounce_rate" else "up",
        href=f"/desk?{urlencode([*period.query, ('metric', name)])}" if name in DAILY else "",
    )


def _value(name: str, value: float | None, site: Site) -> str:
    if name == "revenue":
        return formats.money(value, site.currency)
    return formats.percent(value) if name == "bounce_rate" else formats.number(value)


def _axis_value(name: str, value: float, site: Site) -> str:
    return (
        formats.symbol(site.currency) + formats.compact(value)
        if name == "revenue"
        else formats.compact(value)
    )


def _points(drawn: Plot, now: Overview, before: Overview, metric: str, site: Site) -> str:
    told = []
    for index, (point, day) in enumerate(zip(drawn.points, now.series, strict=True)):
        text = f"{_value(metric, getattr(day, metric), site)} {LABELS[metric].lower()}"
        told.append({"x": point.x, "y": point.y, "label": f"{day.day:%a} {_short(day.day)}", "text": text})
        if before.events and index < len(before.series):
            earlier = before.series[index]
            told[-1]["before"] = f"{_short(earlier.day)}: {_value(metric, getattr(earlier, metric), site)}"
    return msgspec.json.encode(told).decode()


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def _day(day: DayFigures, site: Site) -> Day:
    cells = tuple(_value(name, getattr(day, name), site) for name in DAILY)
    return Day(f"{day.day.day} {day.day:%b %Y}", cells)


def _cards(now: Overview) -> tuple[Card, ...]:
    def by(
        name: str, label: str, column: str, groups: Sequence[Group], told: Callable[[str], str] = str
    ) -> Table:
        rows = _rows([(told(row.name), row.sessions, formats.number(row.orders)) for row in groups])
        return Table(name, label, column, "Visits", "Orders", rows)

    pages = _rows([(page.path, page.pageviews, formats.number(page.visitors)) for page in now.pages])
    return (
        Card(
            "Where they come from",
            "",
            (
                by("channels", "Channels", "Channel", now.channels, channel),
                by("origins", "Sources", "Source", now.origins),
                by("keywords", "Keywords", "Searched for", now.keywords),
                by("campaigns", "Campaigns", "Campaign", now.campaigns),
            ),
        ),
        Card(
            "What they look at",
            "warm",
            (
                Table("pages", "Pages", "Page", "Views", "Visitors", pages),
                by("entries", "Entries", "First page", now.entries),
                by("exits", "Exits", "Last page", now.exits),
            ),
        ),
        Card(
            "What they use",
            "gold",
            (
                by("devices", "Devices", "Device", now.devices, capital),
                by("browsers", "Browsers", "Browser", now.browsers),
                by("systems", "Systems", "System", now.systems),
                by("countries", "Countries", "Country", now.countries),
            ),
        ),
    )


def capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _rows(rows: Sequence[tuple[str, float, str]]) -> tuple[Row, ...]:
    """Each with its bar against the longest."""
    most = max((value for _, value, _ in rows), default=0) or 1
    return tuple(Row(name or "(unknown)", value, value / most, extra) for name, value, extra in rows[:ROWS])


def _hours(hours: Sequence[Hour]) -> tuple[tuple[str, tuple[HourCell, ...]], ...]:
    """For each weekday its 24 hours."""
    found = {(hour.weekday, hour.hour): hour for hour in hours}
    most = max((hour.sessions for hour in hours), default=0) or 1

    def cell(weekday: int, hour: int) -> HourCell:
        here = found.get((weekday, hour))
        sessions, orders = (here.sessions, here.orders) if here else (0, 0)
        title = f"{WEEKDAYS[weekday]} {hour:02}:00: {formats.number(sessions)} visits, {formats.number(orders)} orders"
        return HourCell(-(-4 * int(sessions) // int(most)), title)

    return tuple(
        (name, tuple(cell(weekday, hour) for hour in range(24))) for weekday, name in enumerate(WEEKDAYS)
    )
