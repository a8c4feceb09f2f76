"""The door of the desk: signed sessions, a CSRF token in every form, few guesses."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from threading import Lock

from flask import request, session

from web.language import gettext as _
from web.problem import Problem
from web.users import User, Users

GUESSES = 10
GUESS_WINDOW = 300.0
GUESSERS_KEPT = 10_000


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


class Guesses:
    """Failed logins of one process, by address: bounded, forgotten after GUESS_WINDOW seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, Lock()
        self._failed: dict[str, list[float]] = {}

    def wait(self, address: str) -> float:
        """Seconds until ``address`` may try again, 0 when it may now."""
        now = self._clock()
        with self._lock:
            recent = [at for at in self._failed.get(address, ()) if now - at < GUESS_WINDOW]
            return 0.0 if len(recent) < GUESSES else GUESS_WINDOW - (now - recent[-GUESSES])

    def failed(self, address: str) -> None:
        now = self._clock()
        with self._lock:
            recent = [at for at in self._failed.pop(address, ()) if now - at < GUESS_WINDOW]
            self._failed[address] = [*recent[-GUESSES:], now]
            while len(self._failed) > GUESSERS_KEPT:
                self._failed.pop(next(iter(self._failed)))

    def forget(self, address: str) -> None:
        with self._lock:
            self._failed.pop(address, None)


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
