"""A visitor's own page, without a login. The shop's link or the visitor's cookie opens it, and its forms change it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from offers.audience.visitor import View
from offers.segments.store import SegmentStore
from profiles.store.port import ProfileStore
from tracker.admission.limits import Limiter, Rate
from tracker.http.address import attempts_key
from tracker.unavailable import Unavailable
from web.http.cors import allow
from web.http.error_handlers import name_of_store, show
from web.http.json_body import answer
from web.http.problem import Problem, unavailable
from web.http.routes import Routes, blueprint_of, get, post
from web.http.site_keys import Keys
from web.me.passes import LINK_SECONDS
from web.me.preferences import PreferencePage, redirect_back
from web.me.rendering import render_me
from web.me.sign_up import SignUpForm
from web.me.statements import Statements, consent_event
from web.me.summary import PURPOSES, corrected, summary_of, wanted
from web.me.unsubscribe import UnsubscribePage
from web.me.visitor_access import COOKIES, VisitorAccess
from web.people.lookup import find
from web.stores import Shop

RATE = Rate(per_second=0.5, burst=30.0)
"""Requests of one address to these pages."""
FORM_LIMIT = 16 * 1024
INTERESTS_LIMIT = 12
ME = "/me"
"""The source of what somebody says on this page, in the record of consent."""
TEXT_VERSION = "me-1"
"""The version of the texts that people agree to on these pages: a change of what they say is a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorPage:
    """Shows a visitor what is known of them, and changes or erases it."""

    access: VisitorAccess
    profiles: ProfileStore
    erase_person: Callable[[str, str], Sequence[str] | None]
    segments: SegmentStore
    shops: Callable[[str], Shop]
    statements: Statements
    preferences: PreferencePage

    def routes(self) -> Routes:
        return (
            get("/me", self.page),
            post("/me/choices", self.choose),
            post("/me/interests", self.correct),
            post("/me/erase", self.erase),
        )

    def page(self) -> ResponseReturnValue:
        site, profile, by = self.access.opened()
        view = View(profile, self._now(), site, segments_of=self.segments.compiled(site.id).of)
        names = {each.id: each.name for each in self.segments.all(site.id)}
        catalogue = self.shops(site.id).catalogue
        summary = summary_of(view, site, catalogue.named, names, masked=by == "cookie")
        form = self.access.form(site, profile, by)
        wishes = self.preferences.wishes(site, profile)
        return render_me(
            "me/page.html", site=site, known=summary, wishes=wishes, form=form, by=by, **_form_fields()
        )

    def choose(self) -> ResponseReturnValue:
        site, profile = self.access.form_of()
        allowed = request.form.getlist("purpose")
        purposes: dict[str, bool] = {purpose: purpose in allowed for purpose in PURPOSES}
        self.statements.say(site, profile, {**purposes, "source": ME, "textVersion": TEXT_VERSION})
        return redirect_back("choices")

    def correct(self) -> ResponseReturnValue:
        site, profile = self.access.form_of()
        said = {name[2:]: value for name, value in request.form.items() if name.startswith("i:")}
        more, gone = ([name for name, value in said.items() if value == which] for which in ("more", "gone"))
        now = self._now()
        interests = wanted(profile, more[:INTERESTS_LIMIT], gone[:INTERESTS_LIMIT], now)
        self.profiles.update(site.id, profile.id, partial(corrected, interests=interests, now=now))
        for each in profile.parts:
            others = dict.fromkeys(interests, 0.0)
            self.profiles.update(site.id, each, partial(corrected, interests=others, now=now))
        self.statements.append([consent_event(site, profile, {"interests": interests}, now)])
        return redirect_back("interests")

    def erase(self) -> ResponseReturnValue:
        site, profile = self.access.form_of()
        if request.form.get("sure") != "yes":
            return redirect_back("unsure")
        self.erase_person(site.id, profile.id)
        response = render_me("me/gone.html", site=site)
        for name in COOKIES:
            response.delete_cookie(name, path="/")
        return response

    def _now(self) -> int:
        return self.statements.now()


@dataclass(frozen=True, slots=True)
class VisitorLink:
    """Makes the link of a visitor's page, for the shop's backend, which knows who is signed in there."""

    page: VisitorPage
    keys: Keys
    public_url: str

    def routes(self) -> Routes:
        return (post("/v1/profiles/<path:who>/link", self.link),)

    def link(self, who: str) -> Response:
        site = self.keys.secret_key()
        profile = find(self.page.profiles, site.id, who)
        if profile is None:
            raise Problem(404, f"Nobody is known by {who[:100]!r}", "id")
        url = f"{self.public_url.rstrip('/')}/me?pass={self.page.access.link(site, profile)}"
        return answer(
            {"url": url, "expires": self.page.statements.now() // 1000 * 1000 + LINK_SECONDS * 1000}
        )


def me_blueprint(
    page: VisitorPage,
    link: VisitorLink,
    unsubscribe: UnsubscribePage,
    sign_up: SignUpForm,
    bucket: Callable[[str, float, float, float], float],
) -> Blueprint:
    """``bucket`` counts the requests of an address for all processes, see web.stores.AccessStores."""
    pages = (link, page, page.preferences, unsubscribe, sign_up)
    blueprint = blueprint_of("me", [route for each in pages for route in each.routes()])
    limiter = Limiter(RATE, clock=page.statements.clock)

    @blueprint.before_request
    def limit_rate() -> None:
        if request.path.startswith("/me"):
            request.max_content_length = FORM_LIMIT
            address = attempts_key(request.remote_addr or "")
            # Redis counts for all processes; while it does not answer, each still counts its own.
            if limiter.admit(address, 1) or bucket(f"me:{address}", 1.0, RATE.per_second, RATE.burst) < 1.0:
                headers = {"Retry-After": str(round(1 / RATE.per_second))}
                raise Problem(429, "Too many requests; wait a moment and try again", headers=headers)

    @blueprint.after_request
    def allow_origin(response: Response) -> Response:
        if request.path != "/v1/subscribe" or request.method == "OPTIONS":
            return response
        return allow(response, sign_up.keys, g.get("site"))

    blueprint.register_error_handler(Problem, _refused)

    @blueprint.errorhandler(Unavailable)
    def down(error: Unavailable) -> Response:
        return _refused(unavailable(name_of_store(error), error.retry_after))

    return blueprint


def _refused(problem: Problem) -> Response:
    if not request.path.startswith(("/me", "/v1/unsubscribe/", "/v1/confirm/")):
        return show(problem)
    response = render_me("me/closed.html", status=problem.status)
    response.status_code = problem.status
    response.headers.extend(problem.headers)
    return response


def _form_fields() -> dict[str, str]:
    """What the page's forms send along to find their way back."""
    return {"back": request.args.get("pass", ""), "saved": request.args.get("saved", "")}
