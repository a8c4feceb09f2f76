"""Signing in and out, choosing the site and the language."""

from flask import Blueprint, Response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from web.access.audit import Audit, acting
from web.access.sign_in_limit import SignInLimit
from web.desk.pages import Pages
from web.desk.session import check_csrf, local_path
from web.http.problem import Problem
from web.language import LOCALES, remember
from web.language import gettext as _


def door_blueprint(pages: Pages, guesses: SignInLimit, audit: Audit) -> Blueprint:
    blueprint = Blueprint("door", __name__)

    def form(status: int = 200, problem: str = "", headers: dict[str, str] | None = None) -> Response:
        user, target = request.form.get("user", "")[:100], request.values.get("next", "/desk")
        page = render_template(
            "desk/access/login.html", problem=problem, user=user, target=local_path(target)
        )
        return Response(page, status, headers or {}, content_type="text/html; charset=utf-8")

    @blueprint.get("/desk/login")
    def login() -> ResponseReturnValue:
        return redirect(local_path(request.args.get("next", "/desk"))) if pages.door.user() else form()

    @blueprint.post("/desk/login")
    def enter() -> ResponseReturnValue:
        check_csrf()
        name = request.form.get("user", "")
        counted = pages.door.tried(name)
        wait = max(guesses.wait(each) for each in counted)
        if wait > 0:
            text = _(
                "Too many wrong passwords. Try again in %(minutes)s min.", minutes=max(1, round(wait / 60))
            )
            return form(429, text, {"Retry-After": str(round(wait) + 1)})
        user = pages.door.users.signed_in(name, request.form.get("password", ""))
        if user is None:
            audit.note(name[:100], "", "wrong password")
            return form(401, _("The user or the password is wrong."))
        for each in counted:
            guesses.right(each)
        pages.door.enter(user)
        audit.note(user.name, "", "signed in")
        response = Response(status=302, headers={"Location": local_path(request.form.get("next", "/desk"))})
        pages.door.remember_device(response, user.name)
        return response

    @blueprint.post("/desk/logout")
    def leave() -> ResponseReturnValue:
        check_csrf()
        pages.door.leave()
        return redirect("/desk/login")

    @blueprint.post("/desk/language")
    def speak() -> ResponseReturnValue:
        """No secret and no harm, so the switch also works before the login."""
        check_csrf()
        chosen = request.form.get("language", "")
        if chosen not in LOCALES:
            raise Problem(404, _("There is no such language"))
        response = redirect(local_path(request.form.get("next", "/desk")))
        remember(response, chosen)
        return response

    @blueprint.post("/desk/site")
    def choose() -> ResponseReturnValue:
        check_csrf()
        user, site = pages.door.user(), request.form.get("site", "")
        if user is None:
            return redirect("/desk/login")
        if site not in {each.id for each in pages.visible(user)}:
            raise Problem(404, _("There is no such site"))
        acting(user.name, site)
        session["site"] = site
        return redirect("/desk")

    return blueprint
