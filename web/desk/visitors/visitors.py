"""Who comes: the latest visitors, the search by id, and one visitor's page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask import redirect, request
from flask.typing import ResponseReturnValue

from offers.audience.visitor import View
from profiles.model import Profile
from profiles.search.search import PersonSearch
from profiles.store.person import people_by_id
from profiles.store.port import ProfileStore
from profiles.touches import came
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.dossier import dossier
from warehouse.feeds.history import history, latest_profiles
from web.desk.pages import Pages
from web.desk.period import period_of
from web.desk.visitors.history import TIMELINE_LIMIT, visits_of
from web.desk.visitors.person import about, name_of, person_of
from web.desk.visitors.why import why_panel
from web.drawing import formats
from web.http.problem import Problem
from web.http.routes import Routes, get
from web.labels import channel
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.people.lookup import seen
from web.people.why_not import Gates
from web.reports.reports import ReportScope
from web.stores import Shop

STATES = {
    "partly refunded": _l("partly refunded"),
    "refunded": _l("refunded"),
    "cancelled": _l("cancelled"),
    "credit note": _l("credit note"),
}
"""What is said of orders that do not stand whole."""

LATEST = 50
QUERY_LIMIT = 255


@dataclass(frozen=True, slots=True)
class VisitorRow:
    name: str
    about: str
    href: str
    stage: str
    last_seen: str
    visits: int
    views: int
    orders: int
    revenue: str
    channel: str


@dataclass(frozen=True, slots=True)
class VisitorPages:
    pages: Pages
    profiles: ProfileStore
    warehouse: Warehouse
    shops: Callable[[str], Shop]
    search: PersonSearch
    gates: Gates

    def routes(self) -> Routes:
        return (
            get("/desk/visitors", self.listed),
            get("/desk/visitors/<path:who>", self.one),
            get("/desk/dossier/<path:who>", self.dossier_of),
        )

    def listed(self) -> ResponseReturnValue:
        site, query = self.pages.site(), request.args.get("q", "").strip()[:QUERY_LIMIT]
        found = seen(self.profiles, site.id, query)
        if found:
            return redirect(href_of(found.id))
        matches = [one.person for one in self.search.search(site.id, query)] if query else []
        if len(matches) == 1:
            return redirect(href_of(matches[0].id))
        page_query = (("q", query),) if query else ()
        period = period_of(request.args, site, self.pages.clock(), "/desk/visitors", page_query)
        profiles = matches or _latest(self.pages, self.profiles, period.scope(site))
        rows = list(map(row_of, map(self.pages.reports.views.of(site), profiles)))
        demo = any(profile.demo for profile in profiles)
        view = {"rows": rows, "query": query, "matched": bool(matches), "demo": demo, "period": period}
        return self.pages.show("desk/visitors/visitors.html", "visitors", site, **view)

    def one(self, who: str) -> ResponseReturnValue:
        site = self.pages.site()
        profile = seen(self.profiles, site.id, who)
        if profile is None:
            raise Problem(
                404, _("No visitor has this id. The profile may have been erased, or merged into a customer.")
            )
        item_of = self.shops(site.id).catalogue.named
        segments = {each.id: each.name for each in self.pages.segments.all(site.id)}
        view = person_of(self.pages.reports.views.of(site)(profile), item_of, segments)
        # Since the oldest visit that the profile remembers: a query over all time would read every file.
        start = profile.sessions[0].start if profile.sessions else profile.first_seen
        happened = history(self.warehouse, site.id, profile.id, start, TIMELINE_LIMIT)
        timeline = visits_of(happened, site, item_of)
        cut = len(happened) >= TIMELINE_LIMIT or profile.counts.visits > sum(
            each.visited for each in timeline
        )
        why = why_panel(self.gates, site, profile, request.args.get("why", "")[:QUERY_LIMIT])
        shown = {"view": view, "timeline": timeline, "cut": cut, "why": why}
        return self.pages.show("desk/visitors/visitor.html", "visitors", site, **shown)

    def dossier_of(self, who: str) -> ResponseReturnValue:
        """What the page of one person fetches after it: orders and ids, of all time that they are known."""
        site = self.pages.site()
        profile = seen(self.profiles, site.id, who)
        if profile is None:
            raise Problem(
                404, _("No visitor has this id. The profile may have been erased, or merged into a customer.")
            )
        found = dossier(self.warehouse, site.id, profile.id, profile.first_seen, site.currency)
        view = {
            "dossier": found,
            "name": name_of(profile),
            "href": href_of(profile.id),
            "id": profile.id,
            "states": STATES,
            "demo": profile.demo,
        }
        template = (
            "desk/visitors/dossier.html" if "part" in request.args else "desk/visitors/dossier_page.html"
        )
        return self.pages.show(template, "visitors", site, **view)


def row_of(view: View) -> VisitorRow:
    profile, site, counts = view.profile, view.site, view.profile.counts
    return VisitorRow(
        name=name_of(profile),
        about=about(profile),
        href=href_of(profile.id),
        stage=view.stage,
        last_seen=formats.ago(profile.last_seen, view.now / 1000),
        visits=counts.visits,
        views=counts.views,
        orders=counts.orders,
        revenue=formats.money(counts.revenue, site.currency),
        channel=channel(profile.last_touch.channel) if came(profile) else "",
    )


def href_of(profile_id: str) -> str:
    return f"/desk/visitors/{quote(profile_id, safe='')}"


def _latest(pages: Pages, profiles: ProfileStore, scope: ReportScope) -> list[Profile]:
    """Who came by in the period, the last first."""
    ids = pages.reports.answer(
        "latest",
        scope,
        LATEST,
        lambda events: latest_profiles(events, scope.site.id, scope.span.start, scope.span.end, LATEST),
    )
    return _loaded(profiles, scope.site, ids)


def _loaded(profiles: ProfileStore, site: Site, ids: Sequence[str]) -> list[Profile]:
    return list(people_by_id(profiles, site.id, ids).values())
