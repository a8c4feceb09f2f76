"""The page itself: nobody signs in. The shop's link or the visitor's own cookie opens it, its forms change it."""

import uuid
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from offers.audience.visitor import View
from profiles.model import Profile
from profiles.store.lookup import ID_LIMIT
from tracker.admission.limits import Limiter, Rate
from tracker.event import SITE, Event, encode
from tracker.log.port import Record
from tracker.sites import Site
from web.access.audit import acting, concerning
from web.access.security import HEADERS
from web.http.error_handlers import DOWN, show
from web.http.json_body import answer
from web.http.problem import Problem, unavailable
from web.http.site_keys import Keys
from web.me.passes import LINK_SECONDS, Pass, PassInvalid, PassSigner
from web.me.summary import PURPOSES, chosen, corrected, summary_of, wanted
from web.people.lookup import find
from web.stores import Stores

COOKIES = ("dangol_id", "dangol_v")
"""The tracker's own cookie, which no script can read, before the snippet's."""
RATE = Rate(per_second=0.5, burst=30.0)
"""Requests of one address to these pages."""
FORM_LIMIT = 16 * 1024
INTERESTS_LIMIT = 12


def me_blueprint(stores: Stores, keys: Keys, passes: PassSigner) -> Blueprint:
    blueprint = Blueprint("me", __name__)
    doors = _PageAccess(stores, passes)
    limiter = Limiter(RATE, clock=stores.clock)

    @blueprint.post("/v1/profiles/<path:who>/link")
    def link(who: str) -> Response:
        """For the shop's backend, which knows who is signed in there."""
        site = keys.secret_key()
        profile = find(stores.visitors.profiles, site.id, who)
        if profile is None:
            raise Problem(404, f"Nobody is known by {who[:100]!r}", "id")
        url = f"{stores.settings.public_url.rstrip('/')}/me?pass={doors.link(site, profile)}"
        return answer({"url": url, "expires": (int(stores.clock()) + LINK_SECONDS) * 1000})

    @blueprint.get("/me")
    def page() -> ResponseReturnValue:
        site, profile, by = doors.opened()
        view = View(
            profile,
            int(stores.clock() * 1000),
            site,
            segments_of=stores.segments.store.compiled(site.id).of,
        )
        named = {each.id: each.name for each in stores.segments.store.all(site.id)}
        catalogue = stores.models.shops(site.id).catalogue
        told = summary_of(view, site, lambda item: catalogue.state(item)[1], named, masked=by == "cookie")
        return _shown(
            "me/page.html", site=site, known=told, form=doors.form(site, profile, by), by=by, **_kept()
        )

    @blueprint.post("/me/choices")
    def choose() -> ResponseReturnValue:
        site, profile = doors.form_of()
        wanted = request.form.getlist("purpose")
        purposes: dict[str, bool] = {purpose: purpose in wanted for purpose in PURPOSES}
        stores.visitors.profiles.update(site.id, profile.id, partial(chosen, purposes=purposes))
        _tell(stores, site, profile, purposes, int(stores.clock() * 1000))
        return _back("choices")

    @blueprint.post("/me/interests")
    def correct() -> ResponseReturnValue:
        site, profile = doors.form_of()
        said = {name[2:]: value for name, value in request.form.items() if name.startswith("i:")}
        more, gone = ([name for name, value in said.items() if value == which] for which in ("more", "gone"))
        now = int(stores.clock() * 1000)
        interests = wanted(profile, more[:INTERESTS_LIMIT], gone[:INTERESTS_LIMIT], now)
        stores.visitors.profiles.update(site.id, profile.id, partial(corrected, interests=interests, now=now))
        _tell(stores, site, profile, {"interests": interests}, now)
        return _back("interests")

    @blueprint.post("/me/erase")
    def erase() -> ResponseReturnValue:
        site, profile = doors.form_of()
        if request.form.get("sure") != "yes":
            return _back("unsure")
        stores.visitors.erase(site.id, profile.id)
        response = _shown("me/gone.html", site=site)
        for name in COOKIES:
            response.delete_cookie(name, path="/")
        return response

    @blueprint.before_request
    def slowly() -> None:
        if request.path.startswith("/me"):
            request.max_content_length = FORM_LIMIT
            address = request.remote_addr or "unknown"
            # Redis counts for all processes; while it does not answer, each still counts its own.
            if (
                limiter.admit(address, 1)
                or stores.access.bucket(f"me:{address}", 1.0, RATE.per_second, RATE.burst) < 1.0
            ):
                headers = {"Retry-After": str(round(1 / RATE.per_second))}
                raise Problem(429, "Too many requests; wait a moment and try again", headers=headers)

    @blueprint.errorhandler(Problem)
    def refused(problem: Problem) -> Response:
        if not request.path.startswith("/me"):
            return show(problem)
        response = _shown("me/closed.html", status=problem.status)
        response.status_code = problem.status
        response.headers.extend(problem.headers)
        return response

    for kind, what in DOWN.items():
        blueprint.register_error_handler(kind, lambda _, what=what: refused(unavailable(what)))
    return blueprint


class _PageAccess:
    """Whose page this request may see, and which forms are ours."""

    def __init__(self, stores: Stores, passes: PassSigner) -> None:
        self._stores, self._passes = stores, passes

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
            return self._passes.read(signed, "link" if kind == "link" else "form", self._stores.clock())
        except PassInvalid as error:
            raise Problem(403, "This link or form is too old, or not ours") from error

    def _owner(self, given: Pass) -> tuple[Site, Profile]:
        site = self._stores.sites.get(given.site)
        profile = find(self._stores.visitors.profiles, given.site, given.id) if site else None
        if site is None or profile is None:
            raise Problem(404, "Nothing is known of you any more")
        acting("the visitor", site.id)
        return site, profile

    def _by_cookie(self, site: Site | None = None) -> tuple[Site, Profile | None]:
        self._stores.sites.refresh()
        sites = self._stores.sites.all()
        site = site or sites.get(request.values.get("site", "default"))
        if site is None:
            raise Problem(404, "There is no such site")
        for name in COOKIES:
            visitor = request.cookies.get(name, "")
            if 0 < len(visitor) <= ID_LIMIT:
                profile = self._stores.visitors.profiles.find(site.id, visitor=visitor)
                if profile is not None:
                    acting("the visitor", site.id)
                    concerning(profile.id)
                    return site, profile
        return site, None

    def _now(self) -> int:
        return int(self._stores.clock())


def _tell(stores: Stores, site: Site, profile: Profile, said: Mapping[str, object], now: int) -> None:
    """History keeps when (ms) somebody chose what, and every copy of the profile hears of it, a rebuilt one too.

    A customer speaks as themselves, whatever cookie they had last; a browser that only claims to be one, as itself.
    """
    event = Event(
        site=site.id,
        id=str(uuid.uuid4()),
        type="consent",
        visitor=None if profile.user else profile.visitors[-1] if profile.visitors else None,
        user=profile.user,
        proven=bool(profile.user),
        sender=SITE,
        ts=now,
        received=now,
        props=dict(said),
        source="api",
    )
    if event.visitor or event.user:
        stores.log.append([Record(event.key, encode(event))])


def _kept() -> dict[str, str]:
    """What the page's forms send along to find their way back."""
    return {"back": request.args.get("pass", ""), "saved": request.args.get("saved", "")}


def _back(saved: str) -> ResponseReturnValue:
    """To the page again, so that reloading sends nothing twice."""
    query = {"saved": saved}
    for name in ("pass", "site"):
        if request.form.get(name):
            query[name] = request.form[name]
    return redirect(f"../me?{urlencode(query)}", 303)


def _shown(template: str, **view: object) -> Response:
    # Addresses are relative: Dangol may be served below a folder of the shop's domain.
    root = "../" * (request.path.count("/") - 1)
    response = make_response(render_template(template, root=root, **view))
    for name, value in {**HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}.items():
        response.headers[name] = value
    return response
