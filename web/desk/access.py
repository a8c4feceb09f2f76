"""The door of the desk: signed sessions, and a CSRF token in every form."""

import hashlib
import hmac
import secrets

from flask import request, session

from web.language import gettext as _
from web.problem import Problem
from web.users import User, Users


class Door:
    """Who is signed in. ``secret`` signs the sessions; a session ends when its user's password changes."""

    def __init__(self, users: Users, secret: bytes) -> None:
        self.users, self._secret = users, secret

    def user(self) -> User | None:
        """Whoever this session belongs to, with their role and sites of now."""
        user = self.users.get(str(session.get("user", "")))
        return user if user and hmac.compare_digest(str(session.get("seal", "")), self._seal(user)) else None

    def enter(self, user: User) -> None:
        """Start a fresh session, so that one planted before the login is worth nothing."""
        session.clear()
        session.permanent = True
        session["user"], session["seal"] = user.name, self._seal(user)

    def _seal(self, user: User) -> str:
        text = f"{user.name}\n{user.digest}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:32]


def csrf_token() -> str:
    """The token that every form of this session carries."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return str(session["csrf"])


def check_csrf() -> None:
    """Refuse a form that was not made by this session's pages. Raises Problem 403."""
    given = request.form.get("csrf", "") or request.headers.get("X-CSRF-Token", "")
    expected = str(session.get("csrf", ""))
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        text = _("This form is too old or came from elsewhere; go back, reload the page and try again")
        raise Problem(403, text)


def local_path(target: str) -> str:
    """``target`` when it is a page of the desk, else the overview: no open redirects."""
    ours = target == "/desk" or target.startswith(("/desk/", "/desk?"))
    return target if ours and target.isprintable() and "\\" not in target else "/desk"
