"""The Matomo tracking API: /matomo.php and /piwik.php, single and bulk. Request → events | refusal.

https://developer.matomo.org/api-reference/tracking-api
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec

from tracker.admission import proof
from tracker.admission.proof import Caller
from tracker.durations import DAY_MS
from tracker.event import Event, EventType
from tracker.fields.exact_ids import exact_id
from tracker.http import address
from tracker.http.request import Request, checked_id
from tracker.protocols import client_clock
from tracker.protocols.exact_ids import with_exact_ids
from tracker.protocols.json_bodies import decoded, embedded, split
from tracker.protocols.parameters import number, properties, texts_of
from tracker.protocols.pixel import FIELDS, parse
from tracker.protocols.rejected_event import Collected, RejectedEvent
from tracker.protocols.segment import NAME_CHARACTERS, TEXT_CHARACTERS
from tracker.protocols.segment_messages import BATCH_LIMIT, EVENT_LIMIT
from tracker.refusal import Refusal
from tracker.sites import Site

TOKENLESS_MS = DAY_MS
"""An older ``cdt`` needs the token, since anyone knows the site's number."""

Params = Mapping[str, str]


class Finders(NamedTuple):
    """``site`` finds it by ``idsite``; ``visitor`` makes an id from address and browser for a visitor who sent none."""

    site: Callable[[str], Site | None]
    visitor: Callable[[Site, str, str], str]


class MatomoPayload(NamedTuple):
    """The events of one request, and those left out. ``image``: answer with an image; ``bulk``: answer with the counts.

    ``requests``: how many came.
    """

    collected: Collected
    requests: int
    image: bool
    bulk: bool


class _Bulk(msgspec.Struct):
    token_auth: str | None = None


_bulk = msgspec.json.Decoder(_Bulk)
_one: msgspec.json.Decoder[str | dict[str, Any]] = msgspec.json.Decoder(str | dict[str, Any])
_IDS = ("uid", "_id", "cid", "idsite", "ec_id", "_pks")


def collect(request: Request, find: Finders) -> MatomoPayload | Refusal:
    """The events of one request. In a bulk request invalid items are counted, and the others are accepted."""
    if request.method == "POST" and request.body.lstrip()[:1] == b"{":
        return _collect_bulk(request, find)
    fields = _fields(request)
    if isinstance(fields, Refusal):
        return fields
    events = _events(fields, "", request, find)
    if isinstance(events, Refusal):
        return events
    return MatomoPayload(Collected(events, [0] * len(events)), 1, fields.get("send_image") != "0", bulk=False)


def _collect_bulk(request: Request, find: Finders) -> MatomoPayload | Refusal:
    payload = split(request.body, "requests")
    if isinstance(payload, Refusal):
        return payload
    body = decoded(payload.envelope, _bulk)
    if isinstance(body, Refusal):
        return body
    if len(payload.items) > BATCH_LIMIT:
        return Refusal("too_large", f"a bulk request may have at most {BATCH_LIMIT} requests", "requests")
    collected = Collected([], places := [], rejected := [])
    for index, raw in enumerate(payload.items):
        fields = _read(raw)
        token = body.token_auth or ""
        made = fields if isinstance(fields, Refusal) else _events(fields, token, request, find)
        if isinstance(made, list):
            collected.events.extend(made)
            places.extend([index] * len(made))
        else:
            refusal = made.inside(f"requests[{index}]")
            rejected.append(_rejected(index, refusal, fields, token, request, find))
    return MatomoPayload(collected, len(payload.items), image=False, bulk=True)


def _read(raw: bytes) -> dict[str, str] | Refusal:
    """One request of many: a query string, or an object."""
    if len(raw) > EVENT_LIMIT:
        return Refusal("too_large", f"an event may have at most {EVENT_LIMIT} bytes")
    item = decoded(raw, _one)
    if isinstance(item, str):
        return parse(item.partition("?")[2] or item)
    if isinstance(item, dict) and any(type(item.get(name, "")) is not str for name in _IDS):
        exact = decoded(with_exact_ids(raw, _IDS), _one)
        item = exact if isinstance(exact, dict) else item
    return item if isinstance(item, Refusal) else texts_of(item)


def _rejected(
    index: int, refusal: Refusal, fields: Params | Refusal, token: str, request: Request, find: Finders
) -> RejectedEvent:
    sent = {} if isinstance(fields, Refusal) else fields
    site = find.site(sent.get("idsite", ""))
    if site is None:
        return RejectedEvent(index, refusal, "", "")
    caller = _caller(site, sent.get("token_auth") or token, sent.get("idsite", ""))
    return RejectedEvent(index, refusal, site.id, caller.sender(request.ip), dict(sent))


def _fields(request: Request) -> dict[str, str] | Refusal:
    """Query and form together."""
    fields = parse(request.query)
    if isinstance(fields, Refusal) or request.method != "POST":
        return fields
    try:
        form = parse_qsl(
            request.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS
        )
    except ValueError:
        return Refusal("too_large", f"the form may have at most {FIELDS} fields")
    return {**fields, **dict(form)}


def _events(params: Params, token: str, request: Request, find: Finders) -> list[Event] | Refusal:
    """One event for each action that the request reports; they differ in type, name and properties only."""
    base = _page_event(params, params.get("token_auth") or token, request, find)
    if isinstance(base, Refusal):
        return base
    return [
        msgspec.structs.replace(
            base, id=str(uuid4()), type=action.type, name=action.name[:NAME_CHARACTERS], props=action.props
        )
        for action in _actions(params)
    ]


def _page_event(params: Params, token: str, request: Request, find: Finders) -> Event | Refusal:
    site = find.site(params.get("idsite", ""))
    if site is None:
        return Refusal("unknown_site", "no site has this number, id or write key", "idsite", status=401)
    if params.get("rec") != "1":
        return Refusal("missing", "rec=1 is required", "rec")
    caller = _caller(site, token, params.get("idsite", ""))
    timestamp = _timestamp(params, request.received, caller.trusted)
    if isinstance(timestamp, Refusal):
        return timestamp
    ts, flag = timestamp
    if params.get("cip") and not caller.trusted:
        return Refusal("token_required", "cip needs token_auth, a secret key of the site", "cip", status=401)
    visitor = checked_id(params.get("cid") or params.get("_id"), "_id")
    user = checked_id(params.get("uid"), "uid")
    for value in (visitor, user):
        if isinstance(value, Refusal):
            return value
    ip = address.truncate(params["cip"]) if params.get("cip") else request.ip
    ua = (params.get("ua") or request.ua)[:TEXT_CHARACTERS]
    return Event(
        site.id,
        "",
        "page",
        ts,
        request.received,
        "matomo",
        visitor=visitor or (None if user else find.visitor(site, ip, ua)),  # type: ignore[arg-type]
        user=user,  # type: ignore[arg-type]
        url=params.get("url") or request.referer,
        title=params.get("action_name", ""),
        referrer=params.get("urlref", ""),
        ip=ip,
        ua=ua,
        lang=(params.get("lang") or request.language).partition(",")[0].partition(";")[0][:35],
        screen=params.get("res", "")[:20],
        context=_context(params, flag, anonymous=not visitor and not user),
        proven=caller.proves(user, params.get("proof"), request.received),  # type: ignore[arg-type]
        sender=caller.sender(request.ip),
    )


def _caller(site: Site, *keys: str) -> Caller:
    """The site's own server when one of the keys is its secret key."""
    return Caller(site, any(proof.caller(site, key).trusted for key in keys))


def _timestamp(params: Params, received: int, trusted: bool) -> client_clock.When | Refusal:
    text = params.get("cdt")
    if not text:
        return (received, "")
    ts = _cdt(text)
    if ts is None:
        return (received, "invalid")
    if ts < received - TOKENLESS_MS and not trusted:
        message = "cdt older than a day needs token_auth, a secret key of the site"
        return Refusal("token_required", message, "cdt", status=401)
    return client_clock.bounded(ts, received)


def _cdt(text: str) -> int | None:
    """Seconds since the epoch, or ``YYYY-MM-DD HH:MM:SS`` in UTC."""
    if re.fullmatch(r"[0-9]{1,12}", text):
        return int(text) * 1000
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


class _Action(NamedTuple):
    type: EventType
    name: str
    props: dict[str, Any]


def _actions(params: Params) -> Sequence[_Action]:
    """The actions that one request reports: one, or a page view and the product on that page."""
    if params.get("ping") == "1":
        return [_Action("track", "Page Ping", {})]
    if params.get("e_c") and params.get("e_a"):
        names = {"e_c": "category", "e_a": "action", "e_n": "name", "e_v": "value"}
        return [_Action("track", params["e_a"], properties(params, names))]
    if params.get("idgoal"):
        return [_goal(params)]
    if params.get("link"):
        return [_Action("track", "Link Clicked", {"href": params["link"]})]
    if params.get("download"):
        return [_Action("track", "File Downloaded", {"href": params["download"]})]
    if params.get("search"):
        names = {"search": "query", "search_cat": "category", "search_count": "results"}
        return [
            _Action("track", "Products Searched", {**properties(params, names), "query": params["search"]})
        ]
    page = _Action(
        "page", "", properties(params, {key: key for key in params if re.fullmatch(r"dimension\d{1,3}", key)})
    )
    return [page, *_product(params)]


def _product(params: Params) -> Sequence[_Action]:
    """setEcommerceView: a product's page, or a category's."""
    if params.get("_pks"):
        props = properties(params, {"_pkn": "name", "_pkp": "price"})
        category = _first_category(params.get("_pkc", ""))
        return [_Action("track", "Product Viewed", {"product_id": params["_pks"], **props, **category})]
    if params.get("_pkc"):
        return [_Action("track", "Product List Viewed", _first_category(params["_pkc"]))]
    return []


def _goal(params: Params) -> _Action:
    """A goal by number; 0 is e-commerce: an order when it has an id, otherwise the cart."""
    if params["idgoal"] != "0":
        return _Action(
            "track", f"Goal {params['idgoal']}"[:NAME_CHARACTERS], properties(params, {"revenue": "revenue"})
        )
    names = {
        "ec_st": "subtotal",
        "ec_tx": "tax",
        "ec_sh": "shipping",
        "ec_dt": "discount",
        "revenue": "revenue",
    }
    props = properties(params, names)
    if products := _lines(params.get("ec_items", "")):
        props["products"] = products
    if params.get("ec_id"):
        return _Action("track", "Order Completed", {"order_id": params["ec_id"], **props})
    return _Action("track", "Cart Viewed", props)


def _lines(text: str) -> list[dict[str, Any]]:
    """``[[sku, name, category or categories, price, quantity], …]``"""
    rows = _json(text)
    lines = []
    for row in rows if isinstance(rows, list) else []:
        product = exact_id(row[0])[0] if isinstance(row, list) and row else ""
        if product:
            line: dict[str, Any] = {"product_id": product}
            for name, value in zip(("name", "category", "price", "quantity"), row[1:5], strict=False):
                value = value[0] if isinstance(value, list) and value else value
                if isinstance(value, str | int | float) and value != "":
                    line[name] = (
                        number(value) if isinstance(value, str) and name in ("price", "quantity") else value
                    )
            lines.append(line)
    return lines


def _first_category(text: str) -> dict[str, Any]:
    """``_pkc`` is a name, or a JSON list of names."""
    value = _json(text)
    first = value[0] if isinstance(value, list) and value else text
    return {"category": first} if isinstance(first, str) and first else {}


def _json(text: str) -> Any:
    return embedded(text.encode()) if text else None


def _context(params: Params, flag: str, anonymous: bool) -> dict[str, Any]:
    context: dict[str, Any] = {"library": {"name": "matomo"}}
    if flag:
        context["clock"] = flag
    if anonymous:
        context["cookieless"] = True
    if params.get("bots") == "1":
        context["bots"] = True
    return context
