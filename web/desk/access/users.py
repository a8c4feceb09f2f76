"""The access page, for administrators: who may sign in, as what and where, and who changed what."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from web.access.audit import Audit
from web.access.passwords import PASSWORD_LEAST
from web.access.users import ROLES, Role, User, UsersInvalid
from web.api.reports import told
from web.desk.pages import Pages
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.language import lazy_gettext as _l

CHANGES = 200
ROLE_NAMES = {"viewer": _l("Viewer"), "marketer": _l("Marketer"), "admin": _l("Administrator")}
ROLE_MEANS = {
    "viewer": _l("reads everything"),
    "marketer": _l("also changes campaigns, segments and funnels"),
    "admin": _l("also sees keys, users and the change log"),
}
REFUSALS = {
    "name": _l("A name has 1 to 100 characters and no spaces at its ends."),
    "taken": _l("There is a user of this name already."),
    "password": _l(
        "A password needs at least 10 characters, must not be based on the name and must not repeat one character."
    ),
    "set elsewhere": _l("This user's password is set by DANGOL_ADMIN_PASSWORD; change it there."),
    "last admin": _l("At least one user must be administrator of all sites."),
}


@dataclass(frozen=True, slots=True)
class Account:
    """A user without the digest of their password; no ``sites`` are all of them."""

    name: str
    role: Role
    sites: str


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """``ts`` in ms."""

    ts: int
    who: str
    site: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Access:
    """What one administrator may see: the page, and the same as a file."""

    users: tuple[Account, ...]
    changes: tuple[LoggedChange, ...]


@dataclass(frozen=True, slots=True)
class UserPages:
    pages: Pages
    audit: Audit

    def routes(self) -> Routes:
        return (
            get("/desk/access", self.access),
            get("/desk/reports/access", self.report),
            get("/desk/access/user", self.edit),
            post("/desk/access/add", self.add),
            post("/desk/access/change", self.change),
            post("/desk/access/password", self.renew),
            post("/desk/access/remove", self.remove),
        )

    def access(self) -> Response:
        found, done = self._seen(), request.args.get("done", "")
        view = {"users": found.users, "changes": found.changes, "roles": ROLE_NAMES, "done": done}
        return self.pages.show("desk/access/access.html", "access", self.pages.site(), **view)

    def report(self) -> Response:
        return told("access", self._seen(), ("users", "changes"))

    def edit(self) -> Response:
        name = request.args.get("name", "")
        return self._form(self._known(name) if name else None)

    def add(self) -> ResponseReturnValue:
        """With a password of one's own, or with one that is made and shown this once."""
        name, given = request.form.get("name", ""), request.form.get("password", "")
        made = given or secrets.token_urlsafe(12)
        try:
            self.pages.sessions.users.add(name, made, self._role(), self._sites())
        except UsersInvalid as refused:
            return self._form(None, name, refused)
        return redirect("/desk/access?done=added") if given else self._shown(name, made)

    def change(self) -> ResponseReturnValue:
        user = self._known(request.form.get("name", ""))
        try:
            self.pages.sessions.users.change(user.name, self._role(), self._sites())
        except UsersInvalid as refused:
            return self._form(user, "", refused)
        return redirect("/desk/access?done=changed")

    def renew(self) -> ResponseReturnValue:
        user, given = self._known(request.form.get("name", "")), request.form.get("password", "")
        made = given or secrets.token_urlsafe(12)
        try:
            self.pages.sessions.users.renew(user.name, made)
        except UsersInvalid as refused:
            return self._form(user, "", refused)
        renewed = self.pages.sessions.users.get(user.name)
        if renewed and user.name == self.pages.user().name:
            self.pages.sessions.start(renewed)  # whoever changes their own stays
        return redirect("/desk/access?done=password") if given else self._shown(user.name, made)

    def remove(self) -> ResponseReturnValue:
        user = self._known(request.form.get("name", ""))
        try:
            self.pages.sessions.users.remove(user.name)
        except UsersInvalid as refused:
            return self._form(user, "", refused)
        return redirect("/desk/access?done=removed")

    def _seen(self) -> Access:
        mine = {each.id for each in self.pages.visible(self.pages.user())}
        managed = [
            user for user in self.pages.sessions.users.all().values() if self.pages.user().manages(user)
        ]
        accounts = [Account(user.name, user.role, ", ".join(user.sites)) for user in managed]
        changes = [
            LoggedChange(entry.ts, entry.who, entry.site, entry.what, entry.detail)
            for entry in self.audit.latest(CHANGES)
            if not entry.site or entry.site in mine
        ]
        return Access(tuple(sorted(accounts, key=lambda each: each.name)), tuple(changes))

    def _known(self, name: str) -> User:
        """Whom this administrator may change. Raises Problem 404."""
        user = self.pages.sessions.users.get(name)
        if user is None or not self.pages.user().manages(user):
            raise Problem(404, _("There is no such user"))
        return user

    def _role(self) -> Role:
        given = request.form.get("role", "")
        if given not in ROLES:
            raise Problem(400, _("There is no such role"), "role")
        return given

    def _sites(self) -> tuple[str, ...]:
        """None chosen is all, for who sees all. Raises Problem 400, 404."""
        chosen, mine = (
            request.form.getlist("site"),
            [each.id for each in self.pages.visible(self.pages.user())],
        )
        if not set(chosen) <= set(mine):
            raise Problem(404, _("There is no such site"))
        if not chosen and self.pages.user().sites:
            raise Problem(400, _("Choose at least one site"), "site")
        return tuple(site for site in mine if site in chosen)

    def _form(self, user: User | None, name: str = "", refused: UsersInvalid | None = None) -> Response:
        asked: Sequence[str] = request.form.getlist("site") if refused else user.sites if user else ()
        page = self.pages.show(
            "desk/access/user.html",
            "access",
            self.pages.site(),
            who=user,
            name=user.name if user else name,
            chosen=(request.form.get("role") if refused else None) or (user.role if user else "viewer"),
            chosen_sites=asked,
            roles=ROLE_NAMES,
            means=ROLE_MEANS,
            least=PASSWORD_LEAST,
            problem=REFUSALS.get(refused.reason, str(refused)) if refused else "",
        )
        page.status_code = 400 if refused else 200
        return page

    def _shown(self, name: str, password: str) -> Response:
        return self.pages.show(
            "desk/access/user_password.html", "access", self.pages.site(), name=name, password=password
        )
