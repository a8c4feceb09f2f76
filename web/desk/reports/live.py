"""The live view: who is here now. Its middle part is fetched again every few seconds by desk.js."""

from dataclasses import dataclass

from flask import Response, request

from tracker.sites import Site
from warehouse.reports.live import EventNow, Live, live
from web.desk.pages import Pages
from web.desk.period import period_of
from web.desk.visitors.visitors import href_of
from web.drawing import formats
from web.http.routes import Routes, get
from web.labels import device
from web.language import gettext as _
from web.reports.live import MINUTES, just_now

ROWS = 20


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event, as a line of the list."""

    look: str
    what: str
    detail: str
    who: str
    href: str
    time: str


@dataclass(frozen=True, slots=True)
class PageRow:
    name: str
    visitors: int
    share: float


@dataclass(frozen=True, slots=True)
class LiveView:
    visitors: int
    demo: bool
    pages: tuple[PageRow, ...]
    events: tuple[LiveEvent, ...]


@dataclass(frozen=True, slots=True)
class LivePage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/live", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        period = period_of(request.args, site, self.pages.clock(), "/desk/live")
        scope = just_now(site, period.filters, self.pages.clock())
        view = view_of(live(self.pages.reports.events(scope), site.id, scope.span.start, ROWS), site)
        if "part" in request.args:
            return self.pages.show("desk/reports/live_part.html", "live", site, view=view)
        return self.pages.show(
            "desk/reports/live.html", "live", site, view=view, minutes=MINUTES, period=period
        )


def view_of(now: Live, site: Site) -> LiveView:
    most = max((page.visitors for page in now.pages), default=1)
    return LiveView(
        visitors=now.visitors,
        demo=now.demo,
        pages=tuple(
            PageRow(page.name or _("(no page view)"), page.visitors, page.visitors / most)
            for page in now.pages
        ),
        events=tuple(_event(event, site) for event in now.events),
    )


def _event(event: EventNow, site: Site) -> LiveEvent:
    page = event.type in ("page", "screen")
    look = "order" if event.name == "Order Completed" else "" if page else "track"
    who = event.profile.removeprefix("u:") if event.profile.startswith("u:") else event.profile[2:10]
    return LiveEvent(
        look=look,
        what=(event.title or event.path) if page else event.name,
        detail=event.product or (event.path if page and event.title not in ("", event.path) else ""),
        who=" · ".join(part for part in (who, formats.country(event.country), device(event.device)) if part),
        href=href_of(event.profile),
        time=f"{formats.moment(event.ts, site.zone):%H:%M:%S}",
    )
