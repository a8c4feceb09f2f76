"""What every page of the desk shares: the login wall, roles, the chosen site, the menu."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from offers.segments.store import SegmentStore, SegmentsUnavailable
from tracker.sites import Site, Sites
from web import labels
from web.access.audit import READ, READING, acting
from web.access.users import Role, User
from web.desk.period import Period, period_of
from web.desk.session import DeskSessions, check_csrf, csrf_token
from web.drawing import formats, shares
from web.http.problem import Problem
from web.http.routes import Routes, blueprint_of
from web.http.static_files import StaticFiles
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.reports.reports import Reports, ReportScope

STAGES = {
    "prospect": _l("Prospect"),
    "customer": _l("Customer"),
    "regular": _l("Regular"),
    "advocate": _l("Advocate"),
    "at-risk": _l("At risk"),
    "lost": _l("Lost"),
}

DAYS_SAID = 5
"""Days with missing events that a notice names."""


@dataclass(frozen=True, slots=True)
class MenuEntry:
    name: str
    label: str
    href: str
    role: Role = "viewer"


@dataclass(frozen=True, slots=True)
class MenuGroup:
    """Entries under a heading that folds; those without one always show. ``large``: only one such group is open."""

    label: str
    entries: tuple[MenuEntry, ...]
    large: bool = False

    def opened(self, page: str) -> bool:
        """Whether it is open on ``page``: small groups are, and of the large ones that of the page, else the first."""
        owner = next((each for each in MENU if each.large and each.has(page)), None)
        return not self.large or self is (owner or next(each for each in MENU if each.large))

    def has(self, page: str) -> bool:
        return any(each.name == page for each in self.entries)


MENU: tuple[MenuGroup, ...] = (
    MenuGroup(
        "",
        (
            MenuEntry("overview", _l("Overview"), "/desk"),
            MenuEntry("live", _l("Live"), "/desk/live"),
        ),
    ),
    MenuGroup(
        _l("Reports"),
        (
            MenuEntry("funnel", _l("Funnel"), "/desk/funnel"),
            MenuEntry("paths", _l("Paths"), "/desk/paths"),
            MenuEntry("retention", _l("Retention"), "/desk/retention"),
            MenuEntry("attribution", _l("Attribution"), "/desk/attribution"),
            MenuEntry("products", _l("Products"), "/desk/products"),
            MenuEntry("engagement", _l("Engagement"), "/desk/engagement"),
            MenuEntry("agents", _l("AI agents"), "/desk/agents"),
        ),
        large=True,
    ),
    MenuGroup(
        _l("Customers"),
        (
            MenuEntry("customers", _l("Customers"), "/desk/customers"),
            MenuEntry("visitors", _l("Visitors"), "/desk/visitors"),
            MenuEntry("calls", _l("Calls"), "/desk/calls"),
            MenuEntry("segments", _l("Segments"), "/desk/segments"),
        ),
    ),
    MenuGroup(
        _l("Personalization"),
        (
            MenuEntry("campaigns", _l("Campaigns"), "/desk/campaigns"),
            MenuEntry("models", _l("Models"), "/desk/models"),
        ),
    ),
    MenuGroup(
        _l("Site"),
        (
            MenuEntry("channels", _l("Channels"), "/desk/channels", "marketer"),
            MenuEntry("imports", _l("Import"), "/desk/imports", "marketer"),
            MenuEntry("quality", _l("Data quality"), "/desk/data-quality"),
            MenuEntry("setup", _l("Setup"), "/desk/setup"),
            MenuEntry("access", _l("Access"), "/desk/access", "admin"),
        ),
        large=True,
    ),
    MenuGroup("", (MenuEntry("help", _l("Help"), "/desk/help"),)),
)


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """(value, label) of each; pages by their paths."""

    segments: tuple[tuple[str, str], ...]
    channels: tuple[tuple[str, str], ...]
    devices: tuple[tuple[str, str], ...]
    countries: tuple[tuple[str, str], ...]
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders the desk's pages for whoever is signed in, about the site that they chose."""

    sites: Sites
    assets: StaticFiles
    sessions: DeskSessions
    clock: Callable[[], float]
    reports: Reports
    segments: SegmentStore

    def user(self) -> User:
        """Whoever made this request, behind the wall of ``guard``."""
        user: User = g.user
        return user

    def visible(self, user: User) -> list[Site]:
        self.sites.refresh()
        return [site for site in self.sites.all().values() if user.sees(site.id)]

    def site(self) -> Site:
        """The site of this session: the chosen one, else `default`, else the first that the user may see.
        Raises Problem 403."""
        sites = {site.id: site for site in self.visible(self.user())}
        chosen = sites.get(str(session.get("site", ""))) or sites.get("default")
        found = chosen or next(iter(sites.values()), None)
        if found is None:
            raise Problem(403, _("You have no access to any site yet; ask an administrator"))
        return found

    def show(self, template: str, page: str, site: Site, **view: Any) -> Response:
        """The page as HTML. The menu takes the address's period and filters along, also past a page without the bar."""
        user = self.user()
        period: Period = view.get("period") or period_of(request.args, site, self.clock(), request.path)
        carried = f"?{urlencode(period.carried)}" if period.carried else ""
        menu = [
            (
                group,
                [replace(each, href=each.href + carried) for each in group.entries if user.may(each.role)],
            )
            for group in MENU
        ]
        frame = {"page": page, "site": site, "sites": self.visible(user), "menu": menu, "user": user}
        frame["demo_stored"] = lambda: self.reports.demo(site)
        if "period" in view:
            frame["choices"] = self._choices(period.scope(site))
        return make_response(render_template(template, **{"period": period, **frame, **view}))

    def _choices(self, asked: ReportScope) -> FilterChoices:
        """What the filter bar offers; a store that does not answer offers nothing."""
        try:
            segments = tuple((each.id, each.name) for each in self.segments.all(asked.site.id))
        except SegmentsUnavailable:
            segments = ()
        occur = self.reports.choices(asked)
        channels = tuple((name, labels.channel(name)) for name in occur.channels or labels.CHANNELS)
        devices = tuple((name, str(label)) for name, label in labels.DEVICES.items())
        countries = tuple((code, formats.country(code)) for code in occur.countries)
        return FilterChoices(segments, channels, devices, countries, occur.pages)

    def blueprint(
        self, name: str, routes: Routes, role: Role = "viewer", *, harmless: bool = False
    ) -> Blueprint:
        """``routes`` of a page, behind the login."""
        return self.guard(blueprint_of(name, routes), role, harmless=harmless)

    def guard(self, blueprint: Blueprint, role: Role = "viewer", *, harmless: bool = False) -> Blueprint:
        """``blueprint`` behind the login, for users of ``role`` or higher. What changes something needs a form of
        this session and, unless it is ``harmless``, a marketer, and is noted."""

        @blueprint.before_request
        def wall() -> ResponseReturnValue | None:
            user = self.sessions.user()
            if user is None:
                target = request.full_path.rstrip("?") if request.method == "GET" else "/desk"
                query = "" if target == "/desk" else f"?{urlencode({'next': target})}"
                return redirect(f"/desk/login{query}")
            g.user = user
            changes = request.method not in READING
            if not user.may(role) or (changes and not harmless and not user.may("marketer")):
                raise Problem(403, _("Your role does not allow this; ask an administrator"))
            if changes:
                check_csrf()
            if (changes and not harmless) or request.endpoint in READ:
                acting(user.name, self.site().id)
            return None

        return blueprint

    def register(self, app: Flask) -> None:
        """The filters and names that the templates use."""
        env = app.jinja_env
        env.trim_blocks = env.lstrip_blocks = True
        env.filters.update(
            number=formats.number,
            percent=formats.percent,
            share_text=shares.share_text,
            brief_share=shares.brief_share,
            share_hint=shares.share_hint,
            interval_text=shares.interval_text,
            compact=formats.compact,
            lasted=formats.span_of,
            labels=dict,
            when=formats.when,
            on=lambda ms, zone: formats.day(formats.moment(ms, zone)),
            device=labels.device,
            money=formats.money,
            some_days=lambda days: ", ".join(days[:DAYS_SAID]) + (" …" if len(days) > DAYS_SAID else ""),
            as_goal=lambda step: ("goal", step),
        )
        env.globals.update(asset=self.assets.url, csrf=csrf_token, stages=STAGES, again=_again)


def _again() -> str:
    """This page, counted anew."""
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "fresh"]
    return f"{request.path}?{urlencode([*query, ('fresh', '1')])}"
