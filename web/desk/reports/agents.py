"""The page of AI agents and crawlers: who reads which page, by kind and by agent, and what assistants send in turn."""

from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from tracker.sites import Site
from warehouse.reports.agents import AgentReport
from web.desk.pages import Pages
from web.desk.period import Period, period_of
from web.desk.reports.overview import AXIS_LABELS, spread
from web.drawing import formats
from web.drawing.charts import Plot, plot
from web.http.routes import Routes, get
from web.labels import AGENT_KINDS
from web.language import gettext as _
from web.reports.catalogue import agents_of

ROWS = 50
NAME_LIMIT = 100


@dataclass(frozen=True, slots=True)
class KindTab:
    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class NamedAgent:
    name: str
    about: str
    href: str
    fetches: int
    rendered: int
    failed: int
    pages: int
    last: str


@dataclass(frozen=True, slots=True)
class FetchedPage:
    path: str
    fetches: int
    assistants: int
    agents: int
    failed: int
    visits: int
    last: str


@dataclass(frozen=True, slots=True)
class AgentsView:
    """What the template draws. ``query`` is what the links to the files carry; ``points`` is JSON for desk.js."""

    demo: bool
    empty: bool
    agent: str
    every_agent: str
    query: list[tuple[str, str]]
    figures: tuple[tuple[str, str], ...]
    tabs: tuple[KindTab, ...]
    plot: Plot
    points: str
    label: str
    ticks: tuple[str, ...]
    axis: tuple[str, ...]
    agents: tuple[NamedAgent, ...]
    pages: tuple[FetchedPage, ...]


@dataclass(frozen=True, slots=True)
class AgentsPage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/agents", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        kind, agent = request.args.get("kind", ""), request.args.get("agent", "")[:NAME_LIMIT]
        kind = kind if kind in AGENT_KINDS else ""
        chosen = tuple((name, value) for name, value in (("kind", kind), ("agent", agent)) if value)
        period = period_of(request.args, site, self.pages.clock(), "/desk/agents", chosen)
        view = view_of(agents_of(self.pages.reports, period.scope(site), kind, agent), period, site)
        return self.pages.show("desk/reports/agents.html", "agents", site, period=period, view=view)


def view_of(report: AgentReport, period: Period, site: Site) -> AgentsView:
    """``period.page_query`` says what kind and agent are asked for."""
    chosen = dict(period.page_query)
    agent, kind = chosen.get("agent", ""), chosen.get("kind", "")
    drawn = plot([float(day.fetches or day.rendered) for day in report.series])
    return AgentsView(
        demo=report.demo,
        empty=not report.kinds,
        agent=agent,
        every_agent=_href(period, kind, ""),
        query=[*period.query[:2], *period.page_query],
        figures=_figures(report),
        tabs=_tabs(report, period, kind),
        plot=drawn,
        points=_points(drawn, report),
        label=_("Pages fetched by day, %(period)s", period=period.title),
        ticks=tuple(formats.compact(tick) for tick in drawn.ticks),
        axis=tuple(formats.short_day(day) for day in spread([day.day for day in report.series], AXIS_LABELS)),
        agents=tuple(
            NamedAgent(
                each.name,
                " · ".join(filter(None, (each.operator, str(AGENT_KINDS[each.kind])))),
                _href(period, kind, each.name),
                each.fetches,
                each.rendered,
                each.failed,
                each.pages,
                formats.when(each.last, site.zone),
            )
            for each in report.agents[:ROWS]
        ),
        pages=tuple(
            FetchedPage(
                each.path,
                each.fetches,
                each.assistants,
                each.agents,
                each.failed,
                each.visits,
                formats.when(each.last, site.zone),
            )
            for each in report.pages[:ROWS]
        ),
    )


def _figures(report: AgentReport) -> tuple[tuple[str, str], ...]:
    by_assistants = sum(day.assistants for day in report.series)
    figures = [
        (_("Pages fetched"), report.fetches),
        (_("Fetched for assistants' users"), by_assistants),
        (_("Visits from AI assistants"), report.visits),
        (_("Answered with an error"), report.failed),
    ]
    if report.rendered:
        figures.append((_("Rendered with JavaScript"), report.rendered))
    return tuple((label, formats.number(value)) for label, value in figures)


def _tabs(report: AgentReport, period: Period, kind: str) -> tuple[KindTab, ...]:
    found = [("", _("All"))]
    found += [
        (each.kind, f"{AGENT_KINDS[each.kind]} · {formats.number(each.fetches)}") for each in report.kinds
    ]
    if kind and kind not in dict(found):
        found.append((kind, str(AGENT_KINDS[kind])))
    return tuple(KindTab(label, _href(period, name, ""), name == kind) for name, label in found)


def _href(period: Period, kind: str, agent: str) -> str:
    chosen = [(name, value) for name, value in (("kind", kind), ("agent", agent)) if value]
    return f"/desk/agents?{urlencode([*period.query, *chosen])}"


def _points(drawn: Plot, report: AgentReport) -> str:
    told = [
        {
            "x": point.x,
            "y": point.y,
            "label": formats.named_day(day.day),
            "text": _(
                "%(fetches)s fetched, %(assistants)s of them for assistants' users",
                fetches=formats.number(day.fetches),
                assistants=formats.number(day.assistants),
            ),
        }
        for point, day in zip(drawn.points, report.series, strict=True)
    ]
    return msgspec.json.encode(told).decode()
