"""Sessions of the desk: signed cookies, devices that signed in before, and a CSRF token in every form."""

import hashlib
import hmac
import secrets

from flask import Response, request, session
from itsdangerous import BadData, URLSafeTimedSerializer

from tracker.durations import DAY_SECONDS
from tracker.http.address import attempts_key
from web.access.users import User, Users
from web.http.problem import Problem
from web.language import gettext as _

DEVICE_COOKIE = "dangol_device"
DEVICE_SECONDS = 180 * DAY_SECONDS


class DeskSessions:
    """Who is signed in. ``secret`` signs the sessions; those of a user end when the password changes, or at a
    sign-out."""

    def __init__(self, users: Users, secret: bytes) -> None:
        self.users, self._secret = users, secret
        self._devices = URLSafeTimedSerializer(secret, salt="desk device")

    def user(self) -> User | None:
        """Whoever this session belongs to, with their role and sites of now."""
        user = self.users.get(str(session.get("user", "")))
        return user if user and hmac.compare_digest(str(session.get("seal", "")), self._seal(user)) else None

    def start(self, user: User) -> None:
        """Start a fresh session, so that one planted before the login is worth nothing."""
        session.clear()
        session.permanent = True
        session["user"], session["seal"] = user.name, self._seal(user)

    def end(self) -> None:
        """Sign out for good: a copy of the cookie is worth nothing from now on."""
        user = self.user()
        session.clear()
        if user is not None:
            self.users.end_sessions(user.name)

    def attempt_keys(self, name: str) -> tuple[str, str]:
        """The keys that an attempt to sign in as ``name`` is counted under: the address (of IPv6 the /64), and the
        account; or the device, when it signed in as ``name`` before. So strangers who try many passwords do not lock
        the owner out (OWASP's device cookies)."""
        try:
            known, device = self._devices.loads(request.cookies.get(DEVICE_COOKIE, ""), DEVICE_SECONDS)
        except (BadData, ValueError, TypeError):
            known, device = None, ""
        counted = f"device:{device}" if known == name else f"account:{name}"
        digest = hashlib.sha256(counted.encode(errors="replace")).hexdigest()
        return attempts_key(request.remote_addr or ""), digest

    def remember_device(self, response: Response, name: str) -> None:
        response.set_cookie(
            DEVICE_COOKIE,
            str(self._devices.dumps([name, secrets.token_urlsafe(12)])),
            max_age=DEVICE_SECONDS,
            path="/desk",
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )

    def _seal(self, user: User) -> str:
        text = f"{user.name}\n{user.digest}\n{user.epoch}".encode()
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
        text = _("This form has expired or came from another site; go back, reload the page and try again")
        raise Problem(403, text)


def local_path(target: str) -> str:
    """``target`` when it is a page of the desk, else the overview: no open redirects."""
    ours = target == "/desk" or target.startswith(("/desk/", "/desk?"))
    return target if ours and target.isprintable() and "\\" not in target else "/desk"
