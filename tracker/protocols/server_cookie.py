"""The visitor id in a cookie that the tracker sets: for sites that serve the tracker from their own origin.

Some browsers delete within days what a script stored, but not an HttpOnly cookie of the site's own server. When the
snippet sends an id that it had to make anew, the id of the cookie replaces it, and the response returns that id.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tracker.event import Event
from tracker.fields.consent_categories import analytics_choice
from tracker.http.request import Request
from tracker.protocols.pixel import COOKIE_SECONDS

COOKIE = "dangol_id"
_COOKIE = re.compile(rf"(?:^|;\s*){COOKIE}=([A-Za-z0-9._-]{{1,100}})(?:;|$)")
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_MARKS = frozenset({"new", "dropped"})
"""Keys that only the tracker reads: whether the snippet made a new visitor id, and how many events it gave up."""
DROPPED_LIMIT = 10_000
"""No browser gives up more between two batches; a larger count is forged and is ignored."""


class Recognised(NamedTuple):
    """``visitor``: the id to return to the snippet where it used another. ``cookie``: the Set-Cookie value, if any."""

    events: list[Event]
    visitor: str | None = None
    cookie: str | None = None


def recognise(events: list[Event], request: Request, https: bool) -> Recognised:
    """The events, with the visitor id of the server's cookie where the snippet lost its own. Events that name nobody
    stay so, and who refuses analytics loses the cookie."""
    fresh = [event for event in events if event.context.get("new")]
    plain = unmarked(events)
    if (
        not _same_origin(request)
        or not any(event.visitor for event in plain)
        or plain[-1].source != "snippet"
    ):
        return Recognised(plain)
    own = plain[-1].visitor or ""
    known = _COOKIE.search(request.cookie)
    flags = "; Secure" if https else ""
    if _refuses(plain[-1]):
        gone = f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax{flags}"
        return Recognised(plain, cookie=gone if known else None)
    if fresh and known:
        own = known[1]
        plain = [msgspec.structs.replace(event, visitor=own) if event.visitor else event for event in plain]
    if not _ID.fullmatch(own):
        return Recognised(plain)
    cookie = f"{COOKIE}={own}; Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly; SameSite=Lax{flags}"
    return Recognised(plain, own if own != events[-1].visitor else None, cookie)


def unmarked(events: Sequence[Event]) -> list[Event]:
    """The events without the keys that only the tracker reads."""
    return [_without_marks(event) for event in events]


def dropped(events: Sequence[Event]) -> int:
    """How many events the snippet reports that it gave up since its last report."""
    count = events[0].context.get("dropped") if events else 0
    return count if type(count) is int and 0 < count <= DROPPED_LIMIT else 0


def _without_marks(event: Event) -> Event:
    if _MARKS.isdisjoint(event.context):
        return event
    context = {key: value for key, value in event.context.items() if key not in _MARKS}
    return msgspec.structs.replace(event, context=context)


def _refuses(event: Event) -> bool:
    consent = event.props if event.type == "consent" else event.context.get("consent")
    return analytics_choice(consent) is False


def _same_origin(request: Request) -> bool:
    return bool(request.host) and request.origin.partition("://")[2] == request.host
