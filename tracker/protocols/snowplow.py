"""The Snowplow tracker protocol: /i by GET, /com.snowplowanalytics.snowplow/tp2 by POST. Request → events | refusal.

https://docs.snowplow.io/docs/collecting-data/collecting-from-own-applications/snowplow-tracker-protocol/
An invalid event does not refuse the others of its payload: the protocol's clients never repeat a request after a 400.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from tracker.admission import proof
from tracker.agents.agents import names_browser
from tracker.durations import DAY_SECONDS
from tracker.event import ID_LIMIT, Event, EventType
from tracker.http import address
from tracker.http.request import Request, checked_id
from tracker.protocols import client_clock
from tracker.protocols.exact_ids import with_exact_ids
from tracker.protocols.json_bodies import decoded, embedded, split
from tracker.protocols.parameters import properties, texts_of
from tracker.protocols.pixel import parse
from tracker.protocols.rejected_event import Collected, RejectedEvent
from tracker.protocols.segment import NAME_CHARACTERS, TEXT_CHARACTERS
from tracker.protocols.segment_messages import BATCH_LIMIT, EVENT_LIMIT
from tracker.refusal import Refusal
from tracker.sites import Site

COOKIE = "sp"
COOKIE_SECONDS = 365 * DAY_SECONDS
POST_PATH = "/com.snowplowanalytics.snowplow/tp2"

FindApp = Callable[[str], Site | None]
"""The site of an app id (``aid``): Snowplow has no keys."""
Params = Mapping[str, str]

_COOKIE = re.compile(r"(?:^|;\s*)sp=([A-Za-z0-9-]{1,100})(?:;|$)")
_SCHEMA = re.compile(r"iglu:([^/]+)/([^/]+)/")

ECOMMERCE = {
    "product_view": "Product Viewed",
    "list_view": "Product List Viewed",
    "list_click": "Product Clicked",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "checkout_step": "Checkout Step Viewed",
    "transaction": "Order Completed",
    "refund": "Order Refunded",
    "promo_view": "Promotion Viewed",
    "promo_click": "Promotion Clicked",
    "site_search": "Products Searched",
}
"""Types of Snowplow's e-commerce action, and older schemas of the same name → Segment's event names."""
_RENAMED = {
    "transaction_id": "order_id",
    "sku": "product_id",
    "unit_price": "price",
    "id": "product_id",
    "total_value": "revenue",
}


_item: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_IDS = ("uid", "duid", "nuid", "tnuid", "eid", "aid", "tr_id", "ti_id", "ti_sk")


class SnowplowPayload(NamedTuple):
    """The events of one request, and those left out. ``visitor``: the network id for the cookie."""

    collected: Collected
    visitor: str


def collect(
    request: Request, find: FindApp, anonymous: bool = False, fallback: str | None = None
) -> SnowplowPayload | Refusal:
    """The events of one request. ``anonymous``: the client sent SP-Anonymous, so no cookie and no address.

    ``fallback``: the visitor id where neither event nor cookie has one; None makes a new one.
    """
    items = _items(request)
    if isinstance(items, Refusal):
        return items
    known = None if anonymous else _COOKIE.search(request.cookie)
    network = known[1] if known else str(uuid4())
    visitor = network if known or not fallback else fallback
    collected = Collected([], places := [], rejected := [])
    batched = request.method == "POST"
    for order in _with_items_in_orders(items):
        made = _event(order, request, find, visitor, anonymous)
        if isinstance(made, Event):
            collected.events.append(made)
            places.append(order.place)
            continue
        for index, sent in ((order.place, order.params), *order.given):
            where = f"data[{index}]" if batched else ""
            rejected.append(_rejected(index, made.inside(where), sent, request, find))
    return SnowplowPayload(collected, network)


def _rejected(
    index: int, refusal: Refusal, sent: Mapping[str, object], request: Request, find: FindApp
) -> RejectedEvent:
    name = str(sent.get("aid", ""))
    site = find(name)
    if site is None:
        return RejectedEvent(index, refusal, "", "", sent)
    return RejectedEvent(index, refusal, site.id, proof.caller(site, name).sender(request.ip), sent)


def set_cookie(visitor: str, secure: bool) -> str:
    """The Set-Cookie value, as Snowplow's collector sends it. SameSite=None needs Secure, so plain http gets Lax."""
    site = "None; Secure" if secure else "Lax"
    return f"{COOKIE}={visitor}; Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly; SameSite={site}"


class _Order(NamedTuple):
    """One event's parameters, its place in the payload, and the item events that belong to its transaction.

    ``refusal``: why it cannot be read; None where it can.
    """

    place: int
    params: Params
    lines: list[dict[str, Any]]
    given: list[tuple[int, Params]]
    """The item events as they came."""
    refusal: Refusal | None = None


def _items(request: Request) -> Sequence[_Order] | Refusal:
    if request.method != "POST":
        fields = parse(request.query)
        return fields if isinstance(fields, Refusal) else [_Order(0, fields, [], [])]
    payload = split(request.body, "data")
    if isinstance(payload, Refusal):
        return payload
    if len(payload.items) > BATCH_LIMIT:
        return Refusal("too_large", f"a payload may have at most {BATCH_LIMIT} events", "data")
    return [_read(index, raw) for index, raw in enumerate(payload.items)]


def _read(place: int, raw: bytes) -> _Order:
    """An event's parameters as texts, which they are in the protocol."""
    item = decoded(raw, _item)
    if isinstance(item, dict) and any(type(item.get(name, "")) is not str for name in _IDS):
        item = decoded(with_exact_ids(raw, _IDS), _item)
    if isinstance(item, Refusal):
        return _Order(place, {}, [], [], item)
    large = Refusal("too_large", f"an event may have at most {EVENT_LIMIT} bytes")
    return _Order(place, texts_of(item), [], [], large if len(raw) > EVENT_LIMIT else None)


def _with_items_in_orders(items: Sequence[_Order]) -> Sequence[_Order]:
    """Each event once, with the item events (ti) of a transaction (tr) added to its order."""
    orders: dict[str, _Order] = {}
    for item in items:
        if item.params.get("e") == "tr" and item.params.get("tr_id"):
            orders.setdefault(item.params["tr_id"], item)
    alone = []
    for item in items:
        order = orders.get(item.params.get("ti_id", "")) if item.params.get("e") == "ti" else None
        if order is None:
            alone.append(item)
        else:
            order.lines.append(_line(item.params))
            order.given.append((item.place, item.params))
    return alone


def _event(order: _Order, request: Request, find: FindApp, visitor: str, anonymous: bool) -> Event | Refusal:
    params = order.params
    if order.refusal:
        return order.refusal
    site = find(params.get("aid", ""))
    if site is None:
        return Refusal("unknown_app", "no site has this app id or write key", "aid", status=401)
    content = _content(params, order.lines)
    if isinstance(content, Refusal):
        return content
    own = checked_id(params.get("duid") or params.get("tnuid") or params.get("nuid"), "duid")
    user = checked_id(params.get("uid"), "uid")
    event_id = checked_id(params.get("eid"), "eid", ID_LIMIT)
    for value in (own, user, event_id):
        if isinstance(value, Refusal):
            return value
    server_side = bool(user) and not own and params.get("p", "web") != "web"
    ts, flag = _timestamp(params, request.received)
    ip_given, caller = params.get("ip", ""), proof.caller(site, params.get("aid"))
    return Event(
        site.id,
        event_id or str(uuid4()),  # type: ignore[arg-type]  # no refusals left
        content.type,
        ts,
        request.received,
        "snowplow",
        content.name[:NAME_CHARACTERS],
        None if server_side else own or visitor,  # type: ignore[arg-type]
        user,  # type: ignore[arg-type]
        url=params.get("url", ""),
        title=params.get("page", ""),
        referrer=params.get("refr", ""),
        ip="" if anonymous else address.truncate(ip_given) if ip_given else request.ip,
        ua=(params.get("ua") or (request.ua if names_browser(request.ua) else ""))[:TEXT_CHARACTERS],
        lang=params.get("lang", "")[:35],
        screen=params.get("res", "")[:20],
        props=content.props,
        context=_context(params, flag),
        proven=caller.proves(user, _proof(params), request.received),  # type: ignore[arg-type]
        sender=caller.sender(request.ip),
    )


def _proof(params: Params) -> object:
    """The proof in an entity beside the event: ``iglu:dangol/proof/jsonschema/1-0-0``, data ``{"proof": …}``."""
    found = (entity.get("proof") for schema, entity in _entities(params) if schema == "proof")
    return next(found, None) if params.get("uid") else None


class _Content(NamedTuple):
    type: EventType
    name: str
    props: dict[str, Any]


def _content(params: Params, lines: list[dict[str, Any]]) -> _Content | Refusal:
    kind = params.get("e")
    if kind == "pv":
        return _Content("page", "", {})
    if kind == "pp":
        return _Content("track", "Page Ping", properties(params, {"pp_max": "max_x", "pp_may": "max_y"}))
    if kind == "se":
        names = {
            "se_ca": "category",
            "se_ac": "action",
            "se_la": "label",
            "se_pr": "property",
            "se_va": "value",
        }
        return _Content("track", params.get("se_ac") or "Structured Event", properties(params, names))
    if kind == "tr":
        return _Content(
            "track", "Order Completed", {**_totals(params), **({"products": lines} if lines else {})}
        )
    if kind == "ti":
        return _Content("track", "Order Item", {"order_id": params.get("ti_id", ""), **_line(params)})
    if kind == "ue":
        return _self_describing(params)
    return Refusal("bad_type", "e must be pv, pp, ue, se, tr or ti", "e")


def _self_describing(params: Params) -> _Content | Refusal:
    outer = _json(params.get("ue_pr"), params.get("ue_px"))
    inner = outer.get("data")
    found = _SCHEMA.match(str(inner.get("schema", ""))) if isinstance(inner, dict) else None
    data = inner.get("data") if isinstance(inner, dict) else None
    if found is None or not isinstance(data, dict):
        return Refusal("bad_value", "not a self-describing event", "ue_pr")
    schema = found[2]
    if schema == "snowplow_ecommerce_action":
        return _commerce(str(data.get("type", "")), data, params)
    if schema in ECOMMERCE:
        return _Content("track", ECOMMERCE[schema], {**_renamed(data), **_terms(schema, data)})
    return _Content("track", schema.replace("_", " ").title(), data)


def _commerce(action: str, data: dict[str, Any], params: Params) -> _Content:
    """Snowplow's e-commerce action, with its products and order from the entities beside it."""
    props = {key: value for key, value in data.items() if key != "type"}
    products: list[dict[str, Any]] = []
    for schema, entity in _entities(params):
        if schema == "product":
            products.append(_renamed(entity))
        elif schema in ("transaction", "cart", "refund", "checkout_step", "promotion"):
            props.update(_renamed(entity) if schema == "transaction" else entity)
    if action in ("transaction", "refund", "list_view", "checkout_step"):
        props["products"] = products
    elif products:
        props.update(products[0])
    return _Content("track", ECOMMERCE.get(action, action.replace("_", " ").title() or "Commerce"), props)


def _entities(params: Params) -> Iterator[tuple[str, dict[str, Any]]]:
    data = _json(params.get("co"), params.get("cx")).get("data")
    for entity in data if isinstance(data, list) else []:
        if isinstance(entity, dict) and isinstance(entity.get("data"), dict):
            found = _SCHEMA.match(str(entity.get("schema", "")))
            if found:
                yield found[2], entity["data"]


def _json(plain: str | None, encoded: str | None) -> dict[str, Any]:
    """A JSON object given as text or as base64(url) without padding; {} where it is neither."""
    try:
        raw = plain.encode() if plain else urlsafe_b64decode((encoded or "") + "==")
    except ValueError:
        return {}
    value = embedded(raw)
    return value if isinstance(value, dict) else {}


def _renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    return {_RENAMED.get(key, key): value for key, value in data.items() if value is not None}


def _terms(schema: str, data: Mapping[str, Any]) -> dict[str, Any]:
    terms = data.get("terms")
    return {"query": " ".join(map(str, terms))} if schema == "site_search" and isinstance(terms, list) else {}


def _totals(params: Params) -> dict[str, Any]:
    names = {
        "tr_tt": "revenue",
        "tr_tx": "tax",
        "tr_sh": "shipping",
        "tr_cu": "currency",
        "tr_af": "affiliation",
    }
    return {"order_id": params.get("tr_id", ""), **properties(params, names)}


def _line(params: Params) -> dict[str, Any]:
    names = {"ti_nm": "name", "ti_ca": "category", "ti_pr": "price", "ti_qu": "quantity", "ti_cu": "currency"}
    return {"product_id": params.get("ti_sk", ""), **properties(params, names)}


def _timestamp(params: Params, received: int) -> client_clock.When:
    """``ttm`` if given; else corrected by ``stm``, unless that was cut to whole seconds and so lies before ``dtm``."""
    true, device, sent = (_millis(params.get(name)) for name in ("ttm", "dtm", "stm"))
    if true is not None:
        return client_clock.bounded(true, received)
    if device is not None and sent is not None and device < sent:
        return client_clock.bounded(received - (sent - device), received)
    return (received, "")


def _millis(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text) else None


def _context(params: Params, flag: str) -> dict[str, Any]:
    context: dict[str, Any] = {"library": {"name": "snowplow", "version": params.get("tv", "")[:50]}}
    if params.get("tz"):
        context["timezone"] = params["tz"][:50]
    if flag:
        context["clock"] = flag
    return context
