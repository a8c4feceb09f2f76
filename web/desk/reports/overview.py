"""The overview: figures of a period beside the one before, by day; where visitors come from and what they do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.definitions.shares import Share
from warehouse.reports.overview import Day, Figures, Group, Hour, HourOfDay, Overview
from web.desk.pages import Pages
from web.desk.period import Period, period_of
from web.drawing import formats
from web.drawing.charts import Plot, plot
from web.drawing.currencies import also
from web.http.routes import Routes, get
from web.labels import channel, device
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.language import ngettext
from web.reports.catalogue import doubtful_of, overview_of
from web.reports.reports import ReportScope

T = TypeVar("T")
METRICS = ("visitors", "sessions", "pageviews", "orders", "revenue", "bounce_rate")
LABELS = {
    "visitors": _l("Visitors"),
    "sessions": _l("Visits"),
    "pageviews": _l("Page views"),
    "orders": _l("Orders"),
    "revenue": _l("Revenue"),
    "bounce_rate": _l("Bounce rate"),
}
DAILY = METRICS[:-1]
ROWS = 10
AXIS_LABELS = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the period; a rate is a share. ``href`` chooses it for the chart, "" when it has none by day."""

    name: str
    label: str
    value: str | Share
    change: float | None
    better: str
    href: str


@dataclass(frozen=True, slots=True)
class BarRow:
    """A row whose bar is ``share`` of the longest."""

    name: str
    value: float
    share: float
    extra: str


@dataclass(frozen=True, slots=True)
class Table:
    """One tab of a card. ``note``: what a row's name means, "" where it needs no explanation."""

    id: str
    label: str
    column: str
    value: str
    extra: str
    rows: tuple[BarRow, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    look: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A day, or an hour of a single day."""

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
    also: str
    metric: str
    figures: tuple[Figure, ...]
    plot: Plot
    points: str
    label: str
    ticks: tuple[str, ...]
    axis: tuple[str, ...]
    columns: tuple[str, ...]
    hourly: bool
    rows: tuple[PeriodRow, ...]
    cards: tuple[Card, ...]
    hours: tuple[tuple[str, tuple[HourCell, ...]], ...]
    buying: tuple[tuple[str, tuple[HourCell, ...]], ...]


@dataclass(frozen=True, slots=True)
class OverviewPage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        metric = request.args.get("metric", "visitors")
        metric = metric if metric in DAILY else "visitors"
        period = period_of(request.args, site, self.pages.clock(), "/desk", (("metric", metric),))
        now = overview_of(self.pages.reports, period.scope(site), ROWS)
        before = overview_of(self.pages.reports, period.scope_before(site), 1)
        if not self._recorded(period.scope_before(site)):
            before = replace(before, events=0, sessions=0)  # a part of a period is nothing to compare with
        seconds = self.pages.clock()
        begun = tuple(hour for hour in now.by_hour if hour.start.timestamp() <= seconds)
        now = replace(now, by_hour=begun)
        view = view_of(now, before, period, site, metric)
        apart = doubtful_of(self.pages.reports, period.scope(site))
        return self.pages.show(
            "desk/reports/overview.html", "overview", site, period=period, view=view, apart=apart
        )

    def _recorded(self, asked: ReportScope) -> bool:
        """Whether events were stored from the first day of the span on."""
        began = self.pages.reports.warehouse.began(asked.site.id)
        return began is not None and began < asked.span.start + DAY_MS


def view_of(now: Overview, before: Overview, period: Period, site: Site, metric: str) -> OverviewView:
    """``before`` is the period that went before. Of a single day, ``now`` has the hours that have begun."""
    hourly = bool(now.by_hour)
    earlier = _values(before, metric) if before.events else ()
    drawn = plot(_values(now, metric), earlier, len(before.by_hour) if hourly else None)
    label = (
        _("%(figure)s by hour, %(period)s", figure=LABELS[metric], period=period.title)
        if hourly
        else _("%(figure)s by day, %(period)s", figure=LABELS[metric], period=period.title)
    )
    places: Sequence[Day | HourOfDay] = before.by_hour if hourly else now.series
    return OverviewView(
        demo=now.demo,
        empty=not now.events and not before.events,
        headline=_headline(now),
        also=also(now.other_currencies),
        metric=metric,
        figures=tuple(_figure(name, now, before, period, site) for name in METRICS),
        plot=drawn,
        points=_points(drawn, now, before, metric, site),
        label=label,
        ticks=tuple(_axis_value(metric, tick, site) for tick in drawn.ticks),
        axis=tuple(_place(each) for each in spread(places, AXIS_LABELS)),
        columns=tuple(str(LABELS[name]) for name in DAILY),
        hourly=hourly,
        rows=tuple(_row(each, site) for each in _series(now)),
        cards=_cards(now),
        hours=_hours(now.hours),
        buying=_hours(now.hours, orders=True) if now.orders else (),
    )


def spread(values: Sequence[T], count: int) -> list[T]:
    """At most ``count`` of the values, evenly apart, the first and the last among them."""
    if len(values) <= count:
        return list(values)
    return [values[round(index * (len(values) - 1) / (count - 1))] for index in range(count)]


def _values(overview: Overview, metric: str) -> list[float]:
    return [float(getattr(each, metric)) for each in _series(overview)]


def _series(overview: Overview) -> Sequence[Day | HourOfDay]:
    """The hours of a single day, else the days."""
    return overview.by_hour or overview.series


def _place(period: Day | HourOfDay) -> str:
    """A day or an hour, as the axis names it."""
    return f"{period.start:%H:%M}" if isinstance(period, HourOfDay) else formats.short_day(period.day)


def _headline(now: Overview) -> str:
    """The period in one sentence."""
    if not now.sessions:
        return _("No visitors in this period.")
    came = ngettext(
        "%(count)s visitor", "%(count)s visitors", now.visitors, count=formats.number(now.visitors)
    )
    times = ngettext("%(count)s visit", "%(count)s visits", now.sessions, count=formats.number(now.sessions))
    if not now.orders:
        return _("%(visitors)s, %(visits)s.", visitors=came, visits=times)
    bought = ngettext("%(count)s order", "%(count)s orders", now.orders, count=formats.number(now.orders))
    return _("%(visitors)s, %(visits)s, %(orders)s.", visitors=came, visits=times, orders=bought)


def _figure(name: str, now: Figures, before: Figures, period: Period, site: Site) -> Figure:
    earlier = getattr(before, name) if before.sessions else None
    return Figure(
        name=name,
        label=str(LABELS[name]),
        value=now.bounce_rate_interval if name == "bounce_rate" else _value(name, getattr(now, name), site),
        change=formats.change(getattr(now, name), earlier),
        better="down" if name == "bounce_rate" else "up",
        href=f"/desk?{urlencode([*period.query, ('metric', name)])}" if name in DAILY else "",
    )


def _value(name: str, value: float | None, site: Site) -> str:
    if name == "revenue":
        return formats.money(value, site.currency)
    return formats.number(value)


def _axis_value(name: str, value: float, site: Site) -> str:
    return formats.short_money(value, site.currency) if name == "revenue" else formats.compact(value)


def _points(drawn: Plot, now: Overview, before: Overview, metric: str, site: Site) -> str:
    told = []
    then = _series(before)
    for index, (point, each) in enumerate(zip(drawn.points, _series(now), strict=True)):
        text = f"{LABELS[metric]} {_value(metric, getattr(each, metric), site)}"
        name = _place(each) if isinstance(each, HourOfDay) else formats.named_day(each.day)
        told.append({"x": point.x, "y": point.y, "label": name, "text": text})
        if before.events and index < len(then):
            day = before.series[0].day if now.by_hour else before.series[index].day
            value = _value(metric, getattr(then[index], metric), site)
            told[-1]["before"] = f"{formats.short_day(day)}: {value}"
    return msgspec.json.encode(told).decode()


def _row(period: Day | HourOfDay, site: Site) -> PeriodRow:
    cells = tuple(_value(name, getattr(period, name), site) for name in DAILY)
    label = _place(period) if isinstance(period, HourOfDay) else formats.day(period.day)
    return PeriodRow(label, cells)


def _cards(now: Overview) -> tuple[Card, ...]:
    def by(
        name: str, label: str, column: str, groups: Sequence[Group], told: Callable[[str], str] = str
    ) -> Table:
        rows = _rows([(told(row.name), row.sessions, formats.number(row.orders)) for row in groups])
        return Table(name, label, column, _("Visits"), _("Orders"), rows)

    pages = _rows([(page.path, page.pageviews, formats.number(page.visitors)) for page in now.pages])
    return (
        Card(
            _("Acquisition"),
            "",
            (
                by("channels", _("Channels"), _("Channel"), now.channels, channel),
                by("origins", _("Sources"), _("Source"), now.origins),
                by("keywords", _("Keywords"), _("Keyword"), now.keywords),
                by("campaigns", _("Campaigns"), _("Campaign"), now.campaigns),
            ),
        ),
        Card(
            _("Top pages"),
            "warm",
            (
                Table("pages", _("Pages"), _("Page"), _("Views"), _("Visitors"), pages),
                by("entries", _("Entry pages"), _("Entry page"), now.entries, _page),
                by("exits", _("Exit pages"), _("Exit page"), now.exits, _page),
            ),
        ),
        Card(
            _("Devices and locations"),
            "gold",
            (
                replace(
                    by("devices", _("Devices"), _("Device"), now.devices, device),
                    note=_device_note(now.devices),
                ),
                by("browsers", _("Browsers"), _("Browser"), now.browsers),
                by("systems", _("Systems"), _("System"), now.systems),
                by("countries", _("Countries"), _("Country"), now.countries, formats.country),
                *([by("cities", _("Cities"), _("City"), now.cities)] if now.cities else []),
            ),
        ),
    )


def _device_note(devices: Sequence[Group]) -> str:
    if all(row.name != "other" for row in devices[:ROWS]):
        return ""
    return _("Other: e-readers, headsets, cars and devices that do not say what they are.")


def _page(path: str) -> str:
    return path or _("(no page view)")


def _rows(rows: Sequence[tuple[str, float, str]]) -> tuple[BarRow, ...]:
    """Each with its bar against the longest."""
    most = max((value for _, value, _ in rows), default=0) or 1
    return tuple(
        BarRow(name or _("(unknown)"), value, value / most, extra) for name, value, extra in rows[:ROWS]
    )


def _hours(hours: Sequence[Hour], orders: bool = False) -> tuple[tuple[str, tuple[HourCell, ...]], ...]:
    """For each weekday its 24 hours, shaded by visits or by orders."""
    found, weekdays = {(hour.weekday, hour.hour): hour for hour in hours}, formats.weekdays()
    most = max((hour.orders if orders else hour.sessions for hour in hours), default=0) or 1

    def cell(weekday: int, hour: int) -> HourCell:
        here = found.get((weekday, hour))
        visits, ordered = (here.sessions, here.orders) if here else (0, 0)
        title = _(
            "%(day)s %(hour)s:00: %(visits)s visits, %(orders)s orders",
            day=weekdays[weekday],
            hour=f"{hour:02}",
            visits=formats.number(visits),
            orders=formats.number(ordered),
        )
        return HourCell(-(-4 * int(ordered if orders else visits) // int(most)), title)

    return tuple(
        (name, tuple(cell(weekday, hour) for hour in range(24))) for weekday, name in enumerate(weekdays)
    )
