"""Signing in and out, and choosing the site."""

from flask import Blueprint, Response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from web.desk.access import Guesses, check_csrf, local_path, sign_in, signed_in
from web.desk.pages import Pages
from web.problem import Problem


def door_blueprint(pages: Pages, guesses: Guesses) -> Blueprint:
    blueprint = Blueprint("door", __name__)

    def form(status: int = 200, problem: str = "", headers: dict[str, str] | None = None) -> Response:
        user, target = request.form.get("user", "")[:100], request.values.get("next", "/desk")
        page = render_template("desk/login.html", problem=problem, user=user, target=local_path(target))
        return Response(page, status, headers or {}, content_type="text/html; charset=utf-8")

    @blueprint.get("/desk/login")
    def login() -> ResponseReturnValue:
        return redirect(local_path(request.args.get("next", "/desk"))) if signed_in(pages.admin) else form()

    @blueprint.post("/desk/login")
    def enter() -> ResponseReturnValue:
        check_csrf()
        address = request.remote_addr or "unknown"
        wait = guesses.wait(address)
        if wait > 0:
            minutes = f"{max(1, round(wait / 60))} min"
            text = f"Too many wrong passwords. Try again in {minutes}."
            return form(429, text, {"Retry-After": str(round(wait) + 1)})
        if not pages.admin.accepts(request.form.get("user", ""), request.form.get("password", "")):
            guesses.failed(address)
            return form(401, "The user or the password is wrong.")
        guesses.forget(address)
        sign_in(pages.admin)
        return redirect(local_path(request.form.get("next", "/desk")))

    @blueprint.post("/desk/logout")
    def leave() -> ResponseReturnValue:
        check_csrf()
        session.clear()
        return redirect("/desk/login")

    @blueprint.post("/desk/site")
    def choose() -> ResponseReturnValue:
        check_csrf()
        if not signed_in(pages.admin):
            return redirect("/desk/login")
        site = request.form.get("site", "")
        if pages.sites.get(site) is None:
            raise Problem(404, "There is no such site")
        session["site"] = site
        return redirect("/desk")

    return blueprint
