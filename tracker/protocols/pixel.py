"""GET /t.gif: a visit without JavaScript, or an opened mail.

``k`` write key · ``v`` visitor, else the cookie, else a new one · ``u`` user and its ``proof`` ·
``t`` page, screen or track · ``e`` event name (implies track), ``n`` page name · ``url``, ``title``, ``ref`` ·
``id`` deduplication key · ``p.NAME`` one property each.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from uuid import uuid4

from tracker.admission import proof
from tracker.durations import DAY_SECONDS
from tracker.event import ID_LIMIT, Event, EventType
from tracker.http.request import Request, checked_id
from tracker.protocols.segment import NAME_CHARACTERS, FindSite
from tracker.refusal import Refusal

GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\0\0\0!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
"""One transparent pixel, 43 bytes; the smallest PNG takes 67."""

COOKIE = "dangol_v"
COOKIE_SECONDS = 395 * DAY_SECONDS
"""Thirteen months: what the French regulator allows, and just under the 400 days that browsers cap it to."""

QUERY_CHARACTERS = 32 * 1024
FIELDS = 200
_TYPES: dict[str, EventType] = {"page": "page", "screen": "screen", "track": "track"}
_COOKIE = re.compile(rf"(?:^|;\s*){COOKIE}=([A-Za-z0-9._~-]{{1,100}})(?:;|$)")


class Hit(NamedTuple):
    """The event of one pixel. ``new``: neither query nor cookie had a visitor id, so the response sets the cookie."""

    event: Event
    new: bool


def collect(request: Request, find: FindSite) -> Hit | Refusal:
    """The event of one pixel."""
    fields = parse(request.query)
    if isinstance(fields, Refusal):
        return fields
    site = find(fields.get("k", ""))
    if site is None:
        return Refusal("bad_write_key", "no site has this write key", "k", status=401)
    content = _type_and_name(fields)
    if isinstance(content, Refusal):
        return content
    message = checked_id(fields.get("id"), "id", ID_LIMIT)
    visitor = checked_id(fields.get("v"), "v")
    user = checked_id(fields.get("u"), "u")
    for value in (message, visitor, user):
        if isinstance(value, Refusal):
            return value
    caller = proof.caller(site, fields["k"])
    known = visitor or cookie_visitor(request.cookie)
    event = Event(
        site=site.id,
        id=message or str(uuid4()),  # type: ignore[arg-type]  # no refusals left
        type=content[0],
        name=content[1][:NAME_CHARACTERS],
        visitor=known or str(uuid4()),  # type: ignore[arg-type]
        user=user,  # type: ignore[arg-type]
        ts=request.received,
        received=request.received,
        url=fields.get("url") or request.referer,
        title=fields.get("title", ""),
        referrer=fields.get("ref") or fields.get("referrer") or "",
        ip=request.ip,
        ua=request.ua,
        lang=request.language.partition(",")[0].partition(";")[0][:35],
        props=_props(fields),
        source="pixel",
        proven=caller.proves(user, fields.get("proof"), request.received),  # type: ignore[arg-type]
        sender=caller.sender(request.ip),
    )
    return Hit(event, new=known is None)


def _type_and_name(fields: dict[str, str]) -> tuple[EventType, str] | Refusal:
    kind = _TYPES.get(fields.get("t") or ("track" if fields.get("e") else "page"))
    if kind is None:
        return Refusal("bad_type", "t must be page, screen or track", "t")
    name = fields.get("e") if kind == "track" else fields.get("n") or fields.get("e")
    if kind == "track" and not name:
        return Refusal("missing", "a track pixel needs the event name e", "e")
    return kind, name or ""


def parse(query: str) -> dict[str, str] | Refusal:
    """The fields of a query string, the last one of each name; a refusal when there are too many."""
    if len(query) > QUERY_CHARACTERS:
        return Refusal("too_large", f"the query may have at most {QUERY_CHARACTERS} characters")
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS, errors="replace"))
    except ValueError:
        return Refusal("too_large", f"the query may have at most {FIELDS} fields")


def cookie_visitor(cookie: str) -> str | None:
    found = _COOKIE.search(cookie)
    return found[1] if found else None


def set_cookie(visitor: str, secure: bool) -> str:
    """The Set-Cookie value that gives snippet and pixel the same visitor id."""
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={visitor}; Max-Age={COOKIE_SECONDS}; Path=/; SameSite=Lax{flags}"


def _props(fields: dict[str, str]) -> dict[str, Any]:
    return {key[2:]: value for key, value in fields.items() if key.startswith("p.") and len(key) > 2}
