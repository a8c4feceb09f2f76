"""What every page of the desk shares: the login wall, the chosen site, the menu, the filters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from tracker.sites import Site, Sites
from web import formats
from web.assets import Assets
from web.desk.access import Admin, csrf_token, signed_in
from web.problem import Problem

STAGES = {
    "prospect": "Prospect",
    "customer": "Customer",
    "regular": "Regular",
    "advocate": "Advocate",
    "at-risk": "At risk",
    "lost": "Lost",
}


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    label: str
    href: str


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("overview", "Overview", "/desk"),
            Entry("live", "Live", "/desk/live"),
            Entry("funnel", "Funnel", "/desk/funnel"),
            Entry("paths", "Paths", "/desk/paths"),
            Entry("retention", "Retention", "/desk/retention"),
        ),
    ),
    ("Customers", (Entry("visitors", "Visitors", "/desk/visitors"),)),
    ("Act", (Entry("campaigns", "Campaigns", "/desk/campaigns"),)),
    ("Site", (Entry("setup", "Set-up", "/desk/setup"),)),
)


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders the desk's pages for whoever is signed in, about the site that they chose."""

    sites: Sites
    assets: Assets
    admin: Admin
    clock: Callable[[], float]

    def site(self) -> Site:
        """The site of this session: the chosen one, else `default`, else the first. Raises Problem 503."""
        self.sites.reload_if_changed()
        sites = self.sites.all()
        chosen = sites.get(str(session.get("site", ""))) or sites.get("default")
        found = chosen or next(iter(sites.values()), None)
        if found is None:
            raise Problem(503, "There is no site yet: make one with `dangol sites`")
        return found

    def show(self, template: str, page: str, site: Site, **view: Any) -> Response:
        """The page as HTML."""
        every = list(self.sites.all().values())
        frame = {"page": page, "site": site, "sites": every, "menu": MENU, "admin": self.admin.name}
        return make_response(render_template(template, **frame, **view))

    def guard(self, blueprint: Blueprint) -> Blueprint:
        """``blueprint`` behind the login."""

        @blueprint.before_request
        def wall() -> ResponseReturnValue | None:
            if signed_in(self.admin):
                return None
            target = request.full_path.rstrip("?") if request.method == "GET" else "/desk"
            return redirect(
                "/desk/login" if target == "/desk" else f"/desk/login?{urlencode({'next': target})}"
            )

        return blueprint

    def register(self, app: Any) -> None:
        """The filters and names that the templates use."""
        env = app.jinja_env
        env.add_extension("jinja2.ext.i18n")
        env.install_null_translations(newstyle=True)
        env.trim_blocks = env.lstrip_blocks = True
        env.filters.update(number=formats.number, percent=formats.percent, compact=formats.compact)
        env.globals.update(asset=self.assets.url, csrf=csrf_token, language="en", stages=STAGES)
