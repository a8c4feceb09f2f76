"""Privacy: opt-out signals, ids for visitors without a cookie, and what must be removed from URLs."""

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tracker.disk import create
from tracker.durations import DAY_SECONDS

SCRUBBED = frozenset(
    {
        "access_token",
        "address",
        "api_key",
        "apikey",
        "auth",
        "authorization",
        "card",
        "cardnumber",
        "code",
        "credit_card",
        "email",
        "firstname",
        "id_token",
        "jwt",
        "key",
        "lastname",
        "mail",
        "otp",
        "passwd",
        "password",
        "phone",
        "pin",
        "pwd",
        "refresh_token",
        "reset_token",
        "secret",
        "session",
        "sessionid",
        "sid",
        "sig",
        "signature",
        "ssn",
        "token",
        "username",
    }
)
"""Names of query fields whose values never reach the log: credentials and personal data."""
_APART = re.compile(r"([\s@/?&#=:])")
"""Separators between the parts of a URL, and the at sign."""
_DOMAIN = re.compile(r".+\.[A-Za-z]{2,}", re.DOTALL)
_FIELD = re.compile(r"([?&;#])([^=&;#?]*)=([^&;#]*)")
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#@]*@", re.IGNORECASE)
REDACTED = "[redacted]"


def scrub(url: str) -> str:
    """``url`` without credentials, values of SCRUBBED fields, and e-mail addresses.

    >>> scrub("https://x/reset?token=abc&q=shoes&to=a@b.com")
    'https://x/reset?token=[redacted]&q=shoes&to=[redacted]'
    """
    if "@" not in url and "=" not in url and "%" not in url:
        return url
    if "@" in url:
        url = _USERINFO.sub(r"\1", url)
    url = _FIELD.sub(_scrub_field, url)
    return _without_mails(url)


def _without_mails(text: str) -> str:
    """``text`` with REDACTED for each e-mail address. Takes linear time however many at signs there are, which a single
    regular expression would not."""
    if "@" not in text:
        return text
    parts = _APART.split(text)  # words at even places, what stands between them at odd ones
    for at in range(1, len(parts) - 1, 2):
        if parts[at] == "@" and parts[at - 1] and (domain := _DOMAIN.match(parts[at + 1])):
            parts[at - 1 : at + 2] = REDACTED, "", parts[at + 1][domain.end() :]
    return "".join(parts)


def _scrub_field(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    plain = unquote(name).lower().replace("-", "_")
    decoded = unquote(value)
    if plain in SCRUBBED or _without_mails(decoded) != decoded:
        return f"{mark}{name}={REDACTED}"
    return found[0]


def opted_out(environ: Mapping[str, Any]) -> bool:
    """Whether the browser sends Global Privacy Control or Do Not Track."""
    return environ.get("HTTP_SEC_GPC") == "1" or environ.get("HTTP_DNT") == "1"


class DailySalt:
    """Turns address and browser into an id that lasts one UTC day and cannot be traced back afterwards.

    The salt is random. Processes of one machine share it through ``folder``. On the next day it is deleted, and after
    that no id can be traced to a person. Without a folder each process has its own salt.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float]) -> None:
        self._folder, self._clock = folder, clock
        self._lock = threading.Lock()
        self._day, self._salt = -1, b""

    def visitor(self, site: str, ip: str, ua: str) -> str:
        """Today's id of a visitor to ``site``, from truncated ``ip`` and browser ``ua``: ``~`` and 22 characters."""
        day = int(self._clock() // DAY_SECONDS)
        if day != self._day:
            with self._lock:
                if day != self._day:
                    self._salt, self._day = self._today(day), day
        text = f"{site}\0{ip}\0{ua}".encode(errors="replace")
        return "~" + hashlib.blake2b(text, key=self._salt, digest_size=11).hexdigest()

    def _today(self, day: int) -> bytes:
        fresh = secrets.token_bytes(32)
        if self._folder is None:
            return fresh
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"salt-{day}"
        for old in self._folder.glob("salt-*"):
            if old != path:
                old.unlink(missing_ok=True)
        # The first process of the day wins. With an empty salt anybody could compute the ids.
        if create(path, fresh) or len(shared := path.read_bytes()) < len(fresh):
            return fresh
        return shared
