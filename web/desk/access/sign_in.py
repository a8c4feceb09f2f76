"""Signing in and out, choosing the site and the language."""

from dataclasses import dataclass

from flask import Response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from web.access.audit import Audit, acting
from web.access.sign_in_limit import SignInLimit
from web.desk.pages import Pages
from web.desk.session import check_csrf, local_path
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import LOCALES, remember
from web.language import gettext as _


@dataclass(frozen=True, slots=True)
class SignInPages:
    pages: Pages
    sign_in_limit: SignInLimit
    audit: Audit

    def routes(self) -> Routes:
        return (
            get("/desk/login", self.login),
            post("/desk/login", self.enter),
            post("/desk/logout", self.leave),
            post("/desk/language", self.speak),
            post("/desk/site", self.choose),
        )

    def _form(self, status: int = 200, problem: str = "", headers: dict[str, str] | None = None) -> Response:
        user, target = request.form.get("user", "")[:100], request.values.get("next", "/desk")
        page = render_template(
            "desk/access/login.html", problem=problem, user=user, target=local_path(target)
        )
        return Response(page, status, headers or {}, content_type="text/html; charset=utf-8")

    def login(self) -> ResponseReturnValue:
        return (
            redirect(local_path(request.args.get("next", "/desk")))
            if self.pages.sessions.user()
            else self._form()
        )

    def enter(self) -> ResponseReturnValue:
        check_csrf()
        name = request.form.get("user", "")
        counted = self.pages.sessions.attempt_keys(name)
        wait = max(self.sign_in_limit.wait(each) for each in counted)
        if wait > 0:
            text = _(
                "Too many wrong passwords. Try again in %(minutes)s min.", minutes=max(1, round(wait / 60))
            )
            return self._form(429, text, {"Retry-After": str(round(wait) + 1)})
        user = self.pages.sessions.users.signed_in(name, request.form.get("password", ""))
        if user is None:
            self.audit.note(name[:100], "", "wrong password")
            return self._form(401, _("The user or the password is wrong."))
        for each in counted:
            self.sign_in_limit.right(each)
        self.pages.sessions.start(user)
        self.audit.note(user.name, "", "signed in")
        response = Response(status=302, headers={"Location": local_path(request.form.get("next", "/desk"))})
        self.pages.sessions.remember_device(response, user.name)
        return response

    def leave(self) -> ResponseReturnValue:
        check_csrf()
        self.pages.sessions.end()
        return redirect("/desk/login")

    def speak(self) -> ResponseReturnValue:
        """No secret and no harm, so the switch also works before the login."""
        check_csrf()
        chosen = request.form.get("language", "")
        if chosen not in LOCALES:
            raise Problem(404, _("There is no such language"))
        response = redirect(local_path(request.form.get("next", "/desk")))
        remember(response, chosen)
        return response

    def choose(self) -> ResponseReturnValue:
        check_csrf()
        user, site = self.pages.sessions.user(), request.form.get("site", "")
        if user is None:
            return redirect("/desk/login")
        if site not in {each.id for each in self.pages.visible(user)}:
            raise Problem(404, _("There is no such site"))
        acting(user.name, site)
        session["site"] = site
        return redirect("/desk")
