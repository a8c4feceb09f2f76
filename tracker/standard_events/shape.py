"""An event under its standard name, with its order and products where the standard has them.

Applied where events come in: by the tracker to every protocol, and by imports. What came stays: standard members are
added beside the others, and the original name is kept in ``context.event_name`` and ``props.event_name``.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tracker.event import Event
from tracker.standard_events.names import STANDARD, standard_name

ORIGINAL_NAME = "event_name"
ORDERS = frozenset(name for name in STANDARD if name.startswith("Order "))
_LISTS = frozenset({"Products Searched", "Product List Viewed", "Product List Filtered", "Cart Viewed"})
_PRODUCTS = frozenset(STANDARD) - ORDERS - _LISTS
LINES_LIMIT = 1_000
"""Lines of one event that are looked at."""

_ORDER_MEMBERS = {
    "orderid": "order_id",
    "transactionid": "order_id",
    "refundid": "refund_id",
    "creditnoteid": "refund_id",
    "returnid": "refund_id",
    "currencycode": "currency",
    "totalprice": "total",
    "ordertotal": "total",
    "value": "value",
}
_LINES = {"items": "products", "lineitems": "products", "lines": "products"}
_LINE_MEMBERS = {
    "productid": "product_id",
    "itemid": "product_id",
    "sku": "sku",
    "itemname": "name",
    "productname": "name",
    "producttitle": "name",
    "title": "name",
    "itemprice": "price",
    "unitprice": "price",
    "price": "price",
    "quantity": "quantity",
    "qty": "quantity",
    "itembrand": "brand",
    "brand": "brand",
    "itemcategory": "category",
    "productcategory": "category",
    "categories": "category",
    "itemvariant": "variant",
    "imageurl": "image_url",
}
_MARKS = re.compile(r"[^a-z0-9]")
_TOPIC = re.compile(r"[./]")


def standard(event: Event) -> Event:
    """The event as the standard has it; itself where it is so already, or no e-commerce event."""
    if event.type != "track":
        return event
    name = standard_name(event.name)
    props: Mapping[str, Any] = event.props
    if name in ORDERS:
        props = _with_order(props, event.name)
        if name == "Order Returned" and _tells_a_refund(props):
            name = "Order Refunded"
    elif name in _PRODUCTS:
        props = _with_product(props)
    elif name in _LISTS:
        props = _with_lines(props)
    if name == event.name:
        return event if props is event.props else msgspec.structs.replace(event, props=props)
    return msgspec.structs.replace(
        event,
        name=name,
        props={ORIGINAL_NAME: event.name, **props},
        context={ORIGINAL_NAME: event.name, **event.context},
    )


def _with_order(props: Mapping[str, Any], sent_as: str) -> Mapping[str, Any]:
    """With ``order_id``, ``refund_id``, ``currency``, an amount and ``products`` under their standard names."""
    added = _renamed(props, _ORDER_MEMBERS)
    if _TOPIC.search(sent_as) and "id" in props:  # a webhook's topic: the id is that of what the topic names
        own = "refund_id" if sent_as.lower().startswith("refund") else "order_id"
        if own not in props:
            added.setdefault(own, props["id"])
    elif "$event_id" in props and "order_id" not in props:
        added.setdefault("order_id", props["$event_id"])
    return _with_lines({**added, **props} if added else props)


def _with_lines(props: Mapping[str, Any]) -> Mapping[str, Any]:
    """With ``products``."""
    lines = props["products"] if "products" in props else _renamed(props, _LINES).get("products")
    if not isinstance(lines, list):
        return props
    standardised = [_line(line) for line in lines[:LINES_LIMIT]] + lines[LINES_LIMIT:]
    return props if standardised == props.get("products") else {**props, "products": standardised}


def _with_product(props: Mapping[str, Any]) -> Mapping[str, Any]:
    """With ``product_id`` and the other members of the one product that the event is about."""
    if "product_id" in props:
        return props
    props = _with_lines(props)
    lines = props.get("products")
    if isinstance(lines, list):
        return {**lines[0], **props} if len(lines) == 1 and isinstance(lines[0], dict) else props
    whole = _line(props)
    return whole if isinstance(whole, dict) and "product_id" in whole else props


def _line(line: object) -> object:
    if not isinstance(line, Mapping):
        return line
    added = _renamed(line, _LINE_MEMBERS)
    if isinstance(category := added.get("category"), list):
        added["category"] = category[0] if category else ""
    return {**added, **line} if added else line


def _renamed(members: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The members that have another name in the standard, as far as that name is free."""
    found: dict[str, Any] = {}
    for given, value in members.items():
        name = names.get(_MARKS.sub("", given.lower()))
        if name and name != given and name not in members and value is not None:
            found.setdefault(name, value)
    return found


def _tells_a_refund(props: Mapping[str, Any]) -> bool:
    """Whether a return names what it takes back: lines, or an amount."""
    return bool(props.get("products")) or any(
        props.get(name) is not None for name in ("revenue", "total", "value")
    )
