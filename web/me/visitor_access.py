"""Which visitor's page a request may open: by a signed link or the tracker's cookie. Forms must be our own."""

from collections.abc import Callable

from flask import request

from profiles.model import Profile
from profiles.store.lookup import ID_LIMIT
from profiles.store.port import ProfileStore
from tracker.sites import Site, Sites
from web.access.audit import acting, concerning
from web.http.problem import Problem
from web.me.passes import Pass, PassInvalid, PassSigner
from web.people.lookup import find

COOKIES = ("dangol_id", "dangol_v")
"""The tracker's own cookie, which no script can read, before the snippet's."""


class VisitorAccess:
    """Finds the site and the visitor of a request, and signs links and forms."""

    def __init__(
        self, sites: Sites, profiles: ProfileStore, passes: PassSigner, clock: Callable[[], float]
    ) -> None:
        self._sites, self._profiles, self._passes, self._clock = sites, profiles, passes, clock

    def link(self, site: Site, profile: Profile) -> str:
        return self._passes.sign(Pass(site.id, profile.id, "link", "link", self._now()))

    def form(self, site: Site, profile: Profile, by: str) -> str:
        return self._passes.sign(
            Pass(site.id, profile.id, "form", "link" if by == "link" else "cookie", self._now())
        )

    def opened(self) -> tuple[Site, Profile, str]:
        """By the link's pass, else by the cookie. Raises Problem 403 or 404."""
        signed = request.args.get("pass")
        if signed:
            given = self._read(signed, "link")
            site, profile = self._owner(given)
            return site, profile, "link"
        site, found = self._by_cookie()
        if found is None:
            raise Problem(404, "We do not know you by a cookie; open the link that the shop gave you")
        return site, found, "cookie"

    def form_of(self) -> tuple[Site, Profile]:
        """Of a form of ours, and with a cookie's form only for the browser that has the cookie. Raises Problem."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Problem(403, "This form came from elsewhere")
        given = self._read(request.form.get("form", ""), "form")
        site, profile = self._owner(given)
        if given.by == "cookie":
            _, mine = self._by_cookie(site)
            if mine is None or mine.id != profile.id:
                raise Problem(403, "This form is another visitor's")
        return site, profile

    def _read(self, signed: str, kind: str) -> Pass:
        try:
            return self._passes.read(signed, "link" if kind == "link" else "form", self._clock())
        except PassInvalid as error:
            raise Problem(403, "This link or form is too old, or not ours") from error

    def _owner(self, given: Pass) -> tuple[Site, Profile]:
        site = self._sites.get(given.site)
        profile = find(self._profiles, given.site, given.id) if site else None
        if site is None or profile is None:
            raise Problem(404, "Nothing is known of you any more")
        acting("the visitor", site.id)
        return site, profile

    def _by_cookie(self, site: Site | None = None) -> tuple[Site, Profile | None]:
        self._sites.refresh()
        sites = self._sites.all()
        site = site or sites.get(request.values.get("site", "default"))
        if site is None:
            raise Problem(404, "There is no such site")
        for name in COOKIES:
            visitor = request.cookies.get(name, "")
            if 0 < len(visitor) <= ID_LIMIT:
                profile = self._profiles.find(site.id, visitor=visitor)
                if profile is not None:
                    acting("the visitor", site.id)
                    concerning(profile.id)
                    return site, profile
        return site, None

    def _now(self) -> int:
        return int(self._clock())
