"""Who changed what, and when: one line each in a file that only grows, the older half kept once.

A change is every request that wrote something, in the desk or with a secret key; nothing has to report itself.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import msgspec
from flask import Flask, Response, g, request

FILE_LIMIT = 8 << 20
DETAIL_LIMIT = 500
READ_LIMIT = 1 << 20
UNSAID = frozenset({"csrf", "password"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
BULK = ("/v1/items", "/api/", "/v1/audiences/preview")
"""What a shop's backend sends all day, and what only asks: no change that somebody decided on."""
PEOPLE = "/v1/profiles/"
"""Of whom these were is not noted: who wants to be forgotten must not stay here."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """``ts`` in ms; ``what`` is the request, ``detail`` what it carried, cut."""

    ts: int
    who: str
    site: str
    what: str
    detail: str = ""


class Audit:
    """The log of one installation. Processes append side by side: a line is one write."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._old, self._clock, self._lock = path, path.with_suffix(".1.jsonl"), clock, Lock()

    def note(self, who: str, site: str, what: str, detail: str = "") -> None:
        entry = Entry(
            ts=int(self._clock() * 1000), who=who, site=site, what=what, detail=detail[:DETAIL_LIMIT]
        )
        with self._lock:
            if self._path.exists() and self._path.stat().st_size > FILE_LIMIT:
                self._path.replace(self._old)
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(fd, "wb", buffering=0) as file:
                file.write(msgspec.json.encode(entry) + b"\n")

    def latest(self, most: int) -> list[Entry]:
        """The newest first. A line that was cut off by a crash is left out."""
        found: list[Entry] = []
        for path in (self._path, self._old):
            for line in reversed(_tail(path)):
                if len(found) == most:
                    return found
                try:
                    found.append(msgspec.json.decode(line, type=Entry))
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


def register_audit(app: Flask, audit: Audit) -> None:
    """Note each request that changed something, of whoever is ``acting``."""

    @app.after_request
    def noted(response: Response) -> Response:
        someone: tuple[str, str] | None = g.get("acting")
        changed = request.method not in READING and response.status_code < 400
        if someone and changed and not request.path.startswith(BULK):
            who, site = someone
            if request.path.startswith(PEOPLE):
                audit.note(who, site, f"{request.method} {request.url_rule}")
            else:
                audit.note(who, site, f"{request.method} {request.path}", _detail())
        return response


def _detail() -> str:
    """The form without its secrets, else the JSON as it came."""
    said = [
        f"{name}={value}" for name, value in request.form.items(multi=True) if name not in UNSAID and value
    ]
    return ", ".join(said) if request.form else request.get_data(as_text=True)[:DETAIL_LIMIT]
