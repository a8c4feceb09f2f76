"""Whoever is signed in changes their own password."""

from dataclasses import dataclass

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from web.access.audit import Audit
from web.access.passwords import PASSWORD_LEAST
from web.access.sign_in_limit import SignInLimit
from web.access.users import UsersInvalid
from web.desk.access.users import REFUSALS
from web.desk.pages import Pages
from web.http.routes import Routes, get, post
from web.language import gettext as _


@dataclass(frozen=True, slots=True)
class PasswordPage:
    pages: Pages
    sign_in_limit: SignInLimit
    audit: Audit

    def routes(self) -> Routes:
        return (
            get("/desk/password", self.ask),
            post("/desk/password", self.change),
        )

    def _form(self, status: int = 200, problem: str = "") -> Response:
        view = {"problem": problem, "least": PASSWORD_LEAST, "done": "done" in request.args}
        page = self.pages.show("desk/access/password.html", "password", self.pages.site(), **view)
        page.status_code = status
        return page

    def ask(self) -> Response:
        return self._form()

    def change(self) -> ResponseReturnValue:
        """The limit of sign-in attempts holds here, too: whoever finds an open desk may be somebody else."""
        name = self.pages.user().name
        counted = self.pages.sessions.attempt_keys(name)
        wait = max(self.sign_in_limit.wait(each) for each in counted)
        if wait > 0:
            minutes = max(1, round(wait / 60))
            page = self._form(
                429, _("Too many wrong passwords. Try again in %(minutes)s min.", minutes=minutes)
            )
            page.headers["Retry-After"] = str(round(wait) + 1)
            return page
        if self.pages.sessions.users.signed_in(name, request.form.get("password", "")) is None:
            self.audit.note(name, "", "wrong password")
            return self._form(403, _("The old password is wrong."))
        for each in counted:
            self.sign_in_limit.right(each)
        try:
            self.pages.sessions.users.renew(name, request.form.get("new", ""))
        except UsersInvalid as refused:
            return self._form(400, str(REFUSALS.get(refused.reason, refused)))
        self.audit.note(name, "", "changed their own password")
        renewed = self.pages.sessions.users.get(name)
        if renewed:
            self.pages.sessions.start(renewed)  # sessions elsewhere have ended
        return redirect("/desk/password?done=yes")
