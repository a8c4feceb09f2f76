"""Google Analytics 4's Measurement Protocol: /mp/collect and /debug/mp/collect. Request → events | refusal.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import msgspec

from tracker import values
from tracker.admission import proof
from tracker.admission.proof import Caller
from tracker.durations import DAY_MS
from tracker.event import Event, EventType
from tracker.http import address
from tracker.http.request import Request, checked_id
from tracker.protocols.client_clock import When, bounded
from tracker.protocols.exact_ids import with_exact_ids
from tracker.protocols.json_bodies import Items, decoded, split
from tracker.protocols.pixel import parse
from tracker.protocols.rejected_event import Collected, RejectedEvent
from tracker.protocols.segment import NAME_CHARACTERS, TEXT_CHARACTERS
from tracker.protocols.segment_messages import EVENT_LIMIT
from tracker.refusal import Refusal
from tracker.sites import Site

PATH, DEBUG_PATH = "/mp/collect", "/debug/mp/collect"
BODY_LIMIT = 130 * 1024
EVENTS_LIMIT = 25
BACK_MS = 3 * DAY_MS
"""How far back an event may lie; the time of arrival is taken for an older one."""

FindSite = Callable[[str], Site | None]
"""The site of an ``api_secret``: its secret key or its write key."""

_PAGE = {"page_location": "url", "page_title": "title", "page_referrer": "referrer"}
_SCREENS = ("screen_name", "firebase_screen", "firebase_screen_class")
_DIGITS = re.compile(r"[0-9]{1,18}")


class Ga4Request(msgspec.Struct):
    """One request without its events. Every member may hold anything: it is read with care."""

    client_id: Any = None
    app_instance_id: Any = None
    user_id: Any = None
    timestamp_micros: Any = None
    user_properties: Any = None
    ip_override: Any = None
    user_agent: Any = None
    proof: Any = None


class Ga4Event(msgspec.Struct):
    """One event of a request."""

    name: str
    params: dict[str, Any] | None = None
    timestamp_micros: Any = None


_hit = msgspec.json.Decoder(Ga4Request)
_event = msgspec.json.Decoder(Ga4Event)
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def collect(request: Request, find: FindSite) -> Collected | Refusal:
    """The events of one request. User properties become an identify event before them."""
    query = parse(request.query)
    if isinstance(query, Refusal):
        return query
    key = query.get("api_secret", "")
    site = find(key)
    if site is None:
        return Refusal("bad_api_secret", "no site has this secret or write key", "api_secret", status=401)
    apart = read(request.body)
    if isinstance(apart, Refusal):
        return apart
    hit = decoded(with_exact_ids(apart.envelope, ("client_id", "app_instance_id", "user_id")), _hit)
    if isinstance(hit, Refusal):
        return hit
    caller = proof.caller(site, key)
    person = _Person.of(hit, caller, request)
    return person if isinstance(person, Refusal) else _collected(apart.items, hit, person)


def read(body: bytes) -> Items | Refusal:
    """The body's envelope and events; a single event may stand where the list does."""
    if len(body) > BODY_LIMIT:
        return Refusal("too_large", f"a request may have at most {BODY_LIMIT} bytes")
    return split(body, "events", alone=True)


class _Person(msgspec.Struct):
    """Who did it, and what all events of a request have in common."""

    caller: Caller
    request: Request
    visitor: str | None
    user: str | None
    proven: bool
    ip: str
    ua: str

    @classmethod
    def of(cls, hit: Ga4Request, caller: Caller, request: Request) -> "_Person | Refusal":
        visitor = _id(hit.client_id or hit.app_instance_id, "client_id")
        user = _id(hit.user_id, "user_id")
        for each in (visitor, user):
            if isinstance(each, Refusal):
                return each
        if not visitor and not user:
            return Refusal("missing", "client_id or app_instance_id is required", "client_id")
        ip, ua = hit.ip_override, hit.user_agent
        return cls(
            caller,
            request,
            visitor,  # type: ignore[arg-type]  # no refusals left
            user,  # type: ignore[arg-type]
            caller.proves(user, hit.proof, request.received),  # type: ignore[arg-type]
            address.truncate(ip) if isinstance(ip, str) and ip else request.ip,
            ua[:TEXT_CHARACTERS] if isinstance(ua, str) and ua else _browser(request.ua),
        )

    def event(self, kind: EventType, name: str, when: When, **rest: Any) -> Event:
        context: dict[str, Any] = {"library": {"name": "ga4"}, **rest.pop("context", {})}
        if when[1]:
            context["clock"] = when[1]
        return Event(
            self.caller.site.id,
            str(uuid4()),
            kind,
            when[0],
            self.request.received,
            "ga4",
            name[:NAME_CHARACTERS],
            self.visitor,
            self.user,
            ip=self.ip,
            ua=self.ua,
            context=context,
            proven=self.proven,
            sender=self.caller.sender(self.request.ip),
            **rest,
        )


def _collected(items: list[bytes], hit: Ga4Request, person: _Person) -> Collected:
    collected = Collected([], places := [], rejected := [])
    received = person.request.received
    common = _when(hit.timestamp_micros, received, (received, ""))
    if traits := _traits(hit.user_properties):
        collected.events.append(person.event("identify", "", common, traits=traits))
        places.append(0)
    for place, raw in enumerate(items):
        made = _made(place, raw, person, common)
        if isinstance(made, Event):
            collected.events.append(made)
            places.append(place)
            continue
        sent = {**_dict(decoded(raw, _anything)), "client_id": person.visitor, "user_id": person.user}
        sender = person.caller.sender(person.request.ip)
        refusal = made.inside(f"events[{place}]")
        rejected.append(RejectedEvent(place, refusal, person.caller.site.id, sender, sent))
    return collected


def _made(place: int, raw: bytes, person: _Person, common: When) -> Event | Refusal:
    if place >= EVENTS_LIMIT:
        return Refusal("too_many", f"a request may have at most {EVENTS_LIMIT} events")
    if len(raw) > EVENT_LIMIT:
        return Refusal("too_large", f"an event may have at most {EVENT_LIMIT} bytes")
    event = decoded(raw, _event)
    if isinstance(event, Refusal):
        return event
    if not event.name.strip():
        return Refusal("missing", "an event needs a name", "name")
    when = _when(event.timestamp_micros, person.request.received, common)
    return _event_of(event.name, event.params or {}, when, person)


def _event_of(name: str, params: dict[str, Any], when: When, person: _Person) -> Event:
    page = {ours: _text(params.get(theirs)) for theirs, ours in _PAGE.items()}
    page["lang"] = _text(params.get("language"))[:35]
    page["screen"] = _text(params.get("screen_resolution"))[:20]
    session = params.get("ga_session_id", params.get("session_id"))
    context = {"session": str(session)} if isinstance(session, str | int) and session else {}
    rest = {member: value for member, value in params.items() if member not in _PAGE}
    if name == "page_view":
        return person.event("page", "", when, props=rest, context=context, **page)
    if name == "screen_view":
        screen = next((found for member in _SCREENS if (found := _text(params.get(member)))), "")
        return person.event("screen", screen, when, props=rest, context=context, **page)
    return person.event("track", name, when, props=_standard(name, rest), context=context, **page)


def _standard(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """What the table of names cannot tell: a refund whose value is nothing is one of all that is left, and a search
    has its words in ``query``."""
    if name == "refund" and not params.get("value"):
        params.pop("value", None)
    if name in ("search", "view_search_results") and "search_term" in params:
        return {"query": params["search_term"], **params}
    return params


def _when(micros: object, received: int, otherwise: When) -> When:
    """When it happened; ``otherwise`` where nothing is said."""
    if micros is None:
        return otherwise
    ms = milliseconds(micros)
    if ms is None:
        return (received, "invalid")
    return (received, "past") if ms < received - BACK_MS else bounded(ms, received)


def milliseconds(micros: object) -> int | None:
    """A number of microseconds since the epoch, or its text, in milliseconds; None for anything else."""
    if isinstance(micros, str) and _DIGITS.fullmatch(micros):
        micros = int(micros)
    if isinstance(micros, int | float) and not isinstance(micros, bool) and 0 <= micros < 1e18:
        return int(micros // 1000)
    return None


def _traits(properties: object) -> dict[str, Any]:
    """``{"tier": {"value": "gold"}}`` as ``{"tier": "gold"}``."""
    found = {}
    for name, given in _dict(properties).items():
        value = given.get("value") if isinstance(given, Mapping) else given
        if value is not None:
            found[name] = value
    return values.settled(found)  # type: ignore[no-any-return]


def _id(value: object, field: str) -> str | Refusal | None:
    if value is None or isinstance(value, str):
        return checked_id(value, field)
    return Refusal("bad_value", "an id is a text or a number", field)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _browser(ua: str) -> str:
    return ua if ua.startswith(("Mozilla/", "Opera/")) else ""
