"""Whoever is signed in changes their own password."""

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from web.access.audit import Audit
from web.access.sign_in_limit import SignInLimit
from web.access.users import PASSWORD_LEAST, UsersInvalid
from web.desk.access.users import REFUSALS
from web.desk.pages import Pages
from web.language import gettext as _


def password_blueprint(pages: Pages, guesses: SignInLimit, audit: Audit) -> Blueprint:
    blueprint = Blueprint("desk_password", __name__)
    users = pages.door.users

    def form(status: int = 200, problem: str = "") -> Response:
        view = {"problem": problem, "least": PASSWORD_LEAST, "done": "done" in request.args}
        page = pages.show("desk/access/password.html", "password", pages.site(), **view)
        page.status_code = status
        return page

    @blueprint.get("/desk/password")
    def ask() -> Response:
        return form()

    @blueprint.post("/desk/password")
    def change() -> ResponseReturnValue:
        """The old password is guessed no more often here than at the door: an open desk is not the person."""
        name = pages.user().name
        counted = pages.door.tried(name)
        wait = max(guesses.wait(each) for each in counted)
        if wait > 0:
            minutes = max(1, round(wait / 60))
            page = form(429, _("Too many wrong passwords. Try again in %(minutes)s min.", minutes=minutes))
            page.headers["Retry-After"] = str(round(wait) + 1)
            return page
        if users.signed_in(name, request.form.get("password", "")) is None:
            audit.note(name, "", "wrong password")
            return form(403, _("The old password is wrong."))
        for each in counted:
            guesses.right(each)
        try:
            users.renew(name, request.form.get("new", ""))
        except UsersInvalid as refused:
            return form(400, str(REFUSALS.get(refused.reason, refused)))
        audit.note(name, "", "changed their own password")
        renewed = users.get(name)
        if renewed:
            pages.door.enter(renewed)  # sessions elsewhere have ended
        return redirect("/desk/password?done=yes")

    return pages.guard(blueprint, harmless=True)
