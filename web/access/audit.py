"""Who changed what, who read of which person, and when: one line each in files that only grow.

A change is every request that wrote something, in the desk or with a secret key, every command that did, and what the
schedule drops or publishes: nothing has to report itself. Readings are those of READ, and lie in a file of their own: a
shop's backend may read people all day, and must not push out what was decided.

Whom it was about stands there as the digest that an erasure leaves behind (``profiles.erasures``): it answers "was it
this person?", and who wants to be forgotten does not stay here.
"""

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from threading import Lock

import msgspec
from flask import Flask, Response, g, has_request_context, request

from profiles.erasures import digest
from profiles.ids import user_id, visitor_id

FILE_LIMIT = 8 << 20
"""Then a new one is begun; the one before is kept."""
DETAIL_LIMIT = 500
READ_LIMIT = 1 << 20
ONCE_SECONDS = 3600.0
ONCE_KEPT = 1000
UNSAID = frozenset({"csrf", "password"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
READ = frozenset(
    {
        # one person
        *(
            "profiles.one",
            "why.why",
            "me.page",
            "me.preferences",
            "me.unsubscribe_page",
            "me.confirm_page",
            "gorse.user_of",
            "gorse.of_user",
        ),
        *("desk_merge.ask", "desk_imports.one", "desk_imports.rejects"),
        *("desk_visitors.one", "desk_visitors.dossier_of", "desk_reports.visitor", "reports.visitor"),
        *("desk_calls.card", "desk_calls.contact_log"),
        # people by name
        "desk_calls.find",
        *("desk_visitors.listed", "desk_reports.visitors", "reports.visitors"),
        *("desk_people.show", "desk_reports.funnel_people", "reports.funnel_people"),
        *("customers.listed", "desk_customer_file.listed", "desk_customer_list.listed"),
        *("desk_reports.segment", "reports.segment", "desk_reports.audience", "reports.audience"),
        *("desk_live.show", "desk_reports.live_report", "reports.live_report"),
    }
)
"""Endpoints that tell of a person, or who they are."""
OFTEN = frozenset({"desk_live.show"})
"""Asked for every few seconds while a page stands open."""
ASKING = frozenset({"audiences.previewed", "campaigns.plan", "gorse.session"})
"""No change, though not a GET."""
BULK = ("/v1/items", "/api/")
"""What a shop's backend sends all day: noted once an hour, but for what it deletes."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """``ts`` in ms; ``what`` is the request, ``detail`` what it carried, cut; ``people`` digests of ids, in hex."""

    ts: int
    who: str
    site: str
    what: str
    detail: str = ""
    people: tuple[str, ...] = ()


class Audit:
    """The log of one installation. Processes append side by side: a line is one write."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock, self._lock = path, clock, Lock()
        self._read = path.with_name(f"{path.stem}-read.jsonl")
        self._noted: dict[tuple[str, ...], float] = {}

    def note(
        self,
        who: str,
        site: str,
        what: str,
        detail: str = "",
        *,
        about: Collection[str] = (),
        reading: bool = False,
    ) -> None:
        """``about``: whom it was about, as ids of profiles."""
        people = tuple(digest(site, name).hex() for name in about)
        entry = AuditEntry(
            ts=int(self._clock() * 1000),
            who=who,
            site=site,
            what=what,
            detail=detail[:DETAIL_LIMIT],
            people=people,
        )
        path = self._read if reading else self._path
        with self._lock:
            if path.exists() and path.stat().st_size > FILE_LIMIT:
                path.replace(_older(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(fd, "wb", buffering=0) as file:
                file.write(msgspec.json.encode(entry) + b"\n")

    def first(self, *what: str) -> bool:
        """Whether this process has not noted the same within the last hour."""
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get(what, float("-inf")) < ONCE_SECONDS:
                return False
            if len(self._noted) >= ONCE_KEPT:
                self._noted.clear()
            self._noted[what] = now
            return True

    def latest(self, most: int) -> list[AuditEntry]:
        """The newest changes first. A line that was cut off by a crash is left out."""
        return _latest(self._path, most)

    def readings(self, most: int) -> list[AuditEntry]:
        """The newest readings first."""
        return _latest(self._read, most)


def _older(path: Path) -> Path:
    return path.with_suffix(".1.jsonl")


def _latest(path: Path, most: int) -> list[AuditEntry]:
    found: list[AuditEntry] = []
    for each in (path, _older(path)):
        for line in reversed(_tail(each)):
            if len(found) == most:
                return found
            try:
                found.append(msgspec.json.decode(line, type=AuditEntry))
            except msgspec.DecodeError:
                continue
    return found


def _tail(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - READ_LIMIT))
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def acting(who: str, site: str) -> None:
    """Say who makes this request, about which site."""
    g.acting = (who, site)


def concerning(profile: str) -> None:
    """Say whom this request is about, by the profile's id; outside a request nothing is said."""
    if has_request_context():
        g.setdefault("concerned", {})[profile] = None


def register_audit(app: Flask, audit: Audit) -> None:
    """Note each request that changed something, or told of a person, of whoever is ``acting``."""

    @app.after_request
    def noted(response: Response) -> Response:
        someone: tuple[str, str] | None = g.get("acting")
        if someone is None or response.status_code >= 400:
            return response
        who, site = someone
        reading = request.method in READING or request.endpoint in ASKING
        if reading and request.endpoint not in READ and not g.get("concerned"):
            return response
        named = [value for name, value in (request.view_args or {}).items() if name in ("who", "user")]
        about = list(g.get("concerned", ())) or [each for name in named for each in _ids(name)]
        personal = bool(about) or reading
        what = f"{request.method} {request.url_rule if personal else request.path}"
        bulk = request.path.startswith(BULK) and request.method != "DELETE" and not reading
        if (bulk or request.endpoint in OFTEN) and not audit.first(
            who, site, request.method, str(request.url_rule)
        ):
            return response
        detail = "the first within an hour" if bulk else "" if personal else _detail()
        audit.note(
            who,
            site,
            what if not bulk else f"{request.method} {request.url_rule}",
            detail,
            about=about,
            reading=reading,
        )
        return response


def _ids(who: str) -> list[str]:
    """Whom a name that nobody is known by any more may have meant."""
    return [who] if who.startswith(("u:", "v:")) else [user_id(who), visitor_id(who)]


def _detail() -> str:
    """The form without its secrets, else the JSON as it came."""
    said = [
        f"{name}={value}" for name, value in request.form.items(multi=True) if name not in UNSAID and value
    ]
    return ", ".join(said) if request.form else request.get_data(as_text=True)[:DETAIL_LIMIT]
