"""The Segment HTTP API, used by Segment's, RudderStack's and our own libraries. Request → events | refusal.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args
from uuid import uuid4

import msgspec

from tracker.admission import proof
from tracker.admission.proof import Caller
from tracker.agents.agents import names_browser
from tracker.event import FETCHES, ID_LIMIT, Event, EventType, Source
from tracker.fields.exact_ids import exact_id
from tracker.fields.losses import Loss, loss
from tracker.http import address
from tracker.http.request import ID_CHARACTERS, Request, checked_id, header_key
from tracker.protocols import client_clock
from tracker.protocols.client_clock import milliseconds
from tracker.protocols.rejected_event import Collected, RejectedEvent
from tracker.protocols.segment_messages import SegmentMessage, Unread, batch, expand, one_message
from tracker.refusal import Refusal
from tracker.sites import Site

TEXT_CHARACTERS = 512
NAME_CHARACTERS = 200

KINDS: Mapping[str, EventType] = {
    "track": "track",
    "page": "page",
    "screen": "screen",
    "identify": "identify",
    "alias": "alias",
    "group": "group",
    "t": "track",
    "p": "page",
    "s": "screen",
    "i": "identify",
    "a": "alias",
    "g": "group",
}
"""Path below /v1/ → type of the event; the browser library uses the short paths."""
BATCHES = frozenset({"batch", "b", "import"})
_TYPES = frozenset(get_args(EventType)) - {"erase"}
_PAGES = frozenset({"page", "screen"})

CONTEXT_KEPT = frozenset(
    (
        "app",
        "campaign",
        "consent",
        "demo",
        "device",
        "dropped",
        "groupId",
        "library",
        "new",
        "os",
        "referrer",
        "session",
        "timezone",
        "touch",
    )
)
"""The parts of the context that later stages read. The others have columns of their own or are private (location)."""

_SIDES = re.compile(r"[0-9]{1,5}x[0-9]{1,5}")
_logger = logging.getLogger(__name__)

LIBRARIES: Mapping[str, Source] = {"dangol.js": "snippet", FETCHES: "api"}
"""Our own libraries; all others speak Segment's protocol."""

FindSite = Callable[[str], Site | None]
"""The site of a write key or a secret key."""


def collect(request: Request, find: FindSite) -> Collected | Refusal:
    """The events of one POST to /v1/…, and those left out. A refusal where the request as a whole cannot be read."""
    kind = request.path[4:]
    batched = kind in BATCHES
    call = batch(request.body) if batched else one_message(request.body)
    if isinstance(call, Refusal):
        return call
    caller = find_caller(request, call.write_key, find)
    if isinstance(caller, Refusal):
        first = None if batched else call.messages[0]
        return first.refusal if isinstance(first, Unread) else caller
    if not batched:
        return _single(call.messages[0], KINDS[kind], request, caller)
    events: list[Event] = []
    places: list[int] = []
    rejected: list[RejectedEvent] = []
    shared, batch_sent = call.context, milliseconds(call.sent_at)
    for index, item in enumerate(call.messages):
        if shared and isinstance(item, SegmentMessage):
            item.context = {**shared, **(item.context or {})}
        made = _made(item, batch_sent, request, caller)
        if isinstance(made, Event):
            events.append(made)
            places.append(index)
        else:
            rejected.append(_rejected(index, made.inside(f"batch[{index}]"), item, request, caller))
    return Collected(events, places, rejected)


def _single(item: SegmentMessage | Unread, kind: EventType, request: Request, caller: Caller) -> Collected:
    if isinstance(item, SegmentMessage):
        item.type = kind
    made = _made(item, None, request, caller)
    if isinstance(made, Event):
        return Collected([made])
    return Collected([], (), [_rejected(0, made, item, request, caller)])


def _rejected(
    place: int, refusal: Refusal, item: SegmentMessage | Unread, request: Request, caller: Caller
) -> RejectedEvent:
    sent = item.sent() if isinstance(item, Unread) else msgspec.to_builtins(item)
    return RejectedEvent(place, refusal, caller.site.id, caller.sender(request.ip), sent)


def _made(
    item: SegmentMessage | Unread, batch_sent: int | None, request: Request, caller: Caller
) -> Event | Refusal:
    if isinstance(item, Unread):
        return item.refusal
    try:
        if item.short_id is not None:
            expand(item, request.received)
        sent = milliseconds(item.sent_at) if item.sent_at else None
        return _event(item, batch_sent if sent is None else sent, request, caller)
    except Exception:  # a fault of ours must not cost the neighbours
        _logger.exception("a message cannot be read")
        return Refusal("internal", "the event cannot be read")


def find_caller(request: Request, body_key: str | None, find: FindSite) -> Caller | Refusal:
    """The caller whose key is in the Authorization header (Basic or Bearer) or in the body."""
    for key in (header_key(request.authorization), body_key):
        if key and (site := find(key)):
            return proof.caller(site, key)
    return Refusal("bad_write_key", "no site has this write key", "writeKey", status=401)


def settings(path: str, host: str, find: FindSite) -> bytes | Refusal:
    """The answer to the browser library's first request: GET /v1/projects/{writeKey}/settings."""
    key = path.split("/")[3]
    if find(key) is None:
        return Refusal("bad_write_key", "no site has this write key", "writeKey", status=401)
    if not re.fullmatch(r"[A-Za-z0-9.\-:\[\]]{1,255}", host):
        return Refusal("bad_host", "the Host header is not a host", "Host")
    return msgspec.json.encode({"integrations": {"Segment.io": {"apiKey": key, "apiHost": f"{host}/v1"}}})


def _event(item: SegmentMessage, sent: int | None, request: Request, caller: Caller) -> Event | Refusal:
    """One message as our event."""
    kind, context, props = item.type, item.context or {}, _props(item)
    if kind not in _TYPES:
        return Refusal("bad_type", f"type must be one of {', '.join(sorted(_TYPES))}", "type")
    name = (item.event if kind == "track" else item.name) or ""
    if kind == "track" and not name:
        return Refusal("missing", "a track call needs an event name", "event")
    ids = _ids(item)
    if not isinstance(ids, tuple):
        return ids
    proven = caller.proves(ids[2], proof.from_context(context), request.received)
    if kind == "alias" and proven and not caller.believed:
        props.pop("previousId", None)  # a proof is for one customer and proves no other id
    happened = item.original_timestamp or item.timestamp
    past = client_clock.HISTORY_MS if caller.trusted else client_clock.PAST_MS
    ts, flag = client_clock.corrected(happened, sent, request.received, past)
    page = _page(kind, context, props)
    return Event(  # by position what every event has: Python makes a dictionary of more than 15 keywords
        caller.site.id,
        ids[0],
        kind,  # type: ignore[arg-type]  # one of _TYPES, above
        ts,
        request.received,
        _source(context),
        name[:NAME_CHARACTERS],
        ids[1],
        ids[2],
        url=_text(page.get("url")),
        title=_text(page.get("title")),
        referrer=_text(page.get("referrer")),
        ip=address.truncate(ip) if isinstance(ip := context.get("ip"), str) and ip else request.ip,
        ua=_user_agent(context, request),
        lang=_text(context.get("locale"), 35) or request.language.partition(",")[0].partition(";")[0][:35],
        screen=_screen(screen) if (screen := context.get("screen")) else "",
        props=props,
        traits=item.traits or (_mapping(context.get("traits")) if kind == "identify" else {}),
        context=_kept(context, flag, caller.trusted),
        proven=proven,
        sender=caller.sender(request.ip),
        losses=_losses(item, happened, flag) if flag or item.group_id else (),
    )


def _ids(item: SegmentMessage) -> tuple[str, str | None, str | None] | Refusal:
    """Message id (made where none was sent), visitor, user."""
    message, visitor, user, previous = item.message_id, item.anonymous_id, item.user_id, item.previous_id
    together = f"{message}{visitor}{user}{previous}"
    if len(message or "") > ID_LIMIT or len(together) > ID_CHARACTERS or not together.isprintable():
        # One of them may be invalid: check each.
        for value, field, limit in (
            (message, "messageId", ID_LIMIT),
            (visitor, "anonymousId", ID_CHARACTERS),
            (user, "userId", ID_CHARACTERS),
            (previous, "previousId", ID_CHARACTERS),
        ):
            refusal = checked_id(value, field, limit)
            if isinstance(refusal, Refusal):
                return refusal
    if item.type == "alias":
        if not previous and not visitor:
            return Refusal("missing", "alias needs previousId", "previousId")
        if not user:
            return Refusal("missing", "alias needs userId", "userId")
        visitor = visitor or previous
    if not visitor and not user and item.short_id is None:
        return Refusal("missing", "userId or anonymousId is required", "userId")
    return message or str(uuid4()), visitor or None, user or None


def _losses(item: SegmentMessage, happened: object, flag: str) -> tuple[Loss, ...]:
    """What of a message cannot be read or kept whole: its time (``flag`` says why), and the id of a group."""
    lost = [loss("timestamp", flag, happened)] if flag else []
    if item.group_id and len(item.group_id) > ID_CHARACTERS:
        lost.append(loss("group", "cut", item.group_id))
    return tuple(lost)


def _page(kind: str, context: Mapping[str, Any], props: dict[str, Any]) -> dict[str, Any]:
    """The page of an event. A page call may have it among its properties, which then leave ``props``."""
    page = _mapping(context.get("page"))
    if kind in _PAGES:
        return {**page, **{key: props.pop(key) for key in ("url", "title", "referrer") if key in props}}
    return page


def _props(item: SegmentMessage) -> dict[str, Any]:
    """The properties, with the fields that a call has beside them."""
    props = item.properties or {}
    if item.category or item.group_id or item.previous_id:
        for key, value in (
            ("category", item.category),
            ("groupId", item.group_id),
            ("previousId", item.previous_id),
        ):
            if value and key not in props:
                props[key] = exact_id(value)[0]
    return props


def _user_agent(context: Mapping[str, Any], request: Request) -> str:
    """The visitor's browser. A server library sends its own name in the header, which is not kept."""
    ua = context.get("userAgent")
    if isinstance(ua, str) and ua:
        return ua[:TEXT_CHARACTERS]
    return request.ua if names_browser(request.ua) else ""


def _screen(value: object) -> str:
    if isinstance(value, str):
        return value if _SIDES.fullmatch(value) else ""
    if not isinstance(value, dict):
        return ""
    sides = [value.get("width"), value.get("height")]
    whole = [int(side) for side in sides if isinstance(side, int | float) and 0 < side < 100_000]
    return f"{whole[0]}x{whole[1]}" if len(whole) == 2 else ""


def _kept(context: Mapping[str, Any], flag: str, trusted: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if not CONTEXT_KEPT.isdisjoint(context):
        kept = {key: value for key, value in context.items() if key in CONTEXT_KEPT}
    if flag:
        kept["clock"] = flag
    if trusted and context.get("backfill") is True:  # else anybody could keep a campaign from learning
        kept["backfill"] = True
    return kept


def _source(context: Mapping[str, Any]) -> Source:
    library = context.get("library")
    return LIBRARIES.get(str(_mapping(library).get("name")), "segment") if library else "segment"


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, limit: int | None = None) -> str:
    return value[:limit] if isinstance(value, str) else ""
