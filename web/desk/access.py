"""The door of the desk: one password, signed sessions, a CSRF token in every form, few guesses."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from flask import request, session

from web.problem import Problem

GUESSES = 10
GUESS_WINDOW = 300.0
GUESSERS_KEPT = 10_000
PASSWORD_LIMIT = 1_000


class Password(Protocol):
    """What the desk knows of its password (dangol.secrets.AdminPassword)."""

    def matches(self, password: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Admin:
    """The desk's one user. ``secret`` signs the sessions; ``version`` changes when the password does."""

    name: str
    password: Password
    secret: bytes
    version: Callable[[], str] = str

    @property
    def seal(self) -> str:
        """Stands in each session: a new password or secret ends the old sessions."""
        text = f"{self.name}\n{self.version()}"
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()[:16]

    def accepts(self, name: str, password: str) -> bool:
        """Whether name and password are right; as slow for a wrong name as for a wrong password."""
        matches = self.password.matches(password[:PASSWORD_LIMIT])
        return hmac.compare_digest(name.encode(), self.name.encode()) and matches


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


def signed_in(admin: Admin) -> bool:
    return session.get("user") == admin.name and session.get("seal") == admin.seal


def sign_in(admin: Admin) -> None:
    """Start a fresh session, so that one planted before the login is worth nothing."""
    session.clear()
    session.permanent = True
    session["user"], session["seal"] = admin.name, admin.seal


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
        raise Problem(
            403, "This form is too old or came from elsewhere; go back, reload the page and try again"
        )


def local_path(target: str) -> str:
    """``target`` when it is a page of the desk, else the overview: no open redirects."""
    ours = target == "/desk" or target.startswith(("/desk/", "/desk?"))
    return target if ours and target.isprintable() and "\\" not in target else "/desk"
