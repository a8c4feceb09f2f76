"""The page of engagement: for how long pages were looked at and how far they were read."""

from dataclasses import dataclass

from flask import Response, request

from warehouse.engagement.report import Engagement, ViewFigures
from web import labels
from web.desk.pages import Pages
from web.desk.period import period_of
from web.drawing import formats
from web.http.routes import Routes, get
from web.language import gettext as _
from web.reports.catalogue import engagement_of

ROWS = 50


@dataclass(frozen=True, slots=True)
class EngagedRow:
    """A page or a channel; ``cells`` are what the columns show."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EngagementView:
    """``measured``: whether anything is."""

    demo: bool
    empty: bool
    measured: bool
    figures: tuple[tuple[str, str], ...]
    pages: tuple[EngagedRow, ...]
    channels: tuple[EngagedRow, ...]


@dataclass(frozen=True, slots=True)
class EngagementPage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/engagement", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        period = period_of(request.args, site, self.pages.clock(), "/desk/engagement")
        view = view_of(engagement_of(self.pages.reports, period.scope(site)))
        return self.pages.show("desk/reports/engagement.html", "engagement", site, period=period, view=view)


def view_of(found: Engagement) -> EngagementView:
    share = found.measured / found.views if found.views else None
    return EngagementView(
        demo=found.demo,
        empty=not found.visits,
        measured=found.measured > 0,
        figures=(
            (_("Time per page view"), lasting(found.seconds)),
            (_("Median"), lasting(found.seconds_median)),
            (_("Time per visit"), lasting(found.visit_seconds)),
            (_("Scroll depth"), percent(found.scroll_median)),
            (_("Page views measured"), formats.percent(share)),
        ),
        pages=tuple(EngagedRow(each.path, _cells(each)) for each in found.pages[:ROWS]),
        channels=tuple(
            EngagedRow(
                labels.channel(each.channel),
                (
                    formats.number(each.visits),
                    lasting(each.visit_seconds),
                    lasting(each.visit_seconds_median),
                    *_cells(each),
                ),
            )
            for each in found.channels[:ROWS]
        ),
    )


def _cells(each: ViewFigures) -> tuple[str, ...]:
    quartiles = (each.scroll_low, each.scroll_median, each.scroll_high)
    return (
        formats.number(each.views),
        formats.number(each.measured),
        lasting(each.seconds),
        lasting(each.seconds_median),
        *(percent(part) for part in quartiles),
    )


def lasting(seconds: float | None) -> str:
    return _("not measured") if seconds is None else formats.span_of(seconds)


def percent(part: float | None) -> str:
    return _("not measured") if part is None else formats.percent(part / 100)
