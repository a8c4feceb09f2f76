"""POST /integrations/SHOP/SITE: one webhook of a hosted shop. Request → events | refusal."""

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from tracker.event import Event
from tracker.http.request import Request
from tracker.integrations import cafe24, shopify, woocommerce
from tracker.integrations.shop_order import events_of
from tracker.integrations.signature import same_key, signed
from tracker.refusal import Refusal
from tracker.sites import Site

SHOPS: Mapping[str, ModuleType] = {"shopify": shopify, "woocommerce": woocommerce, "cafe24": cafe24}
PATH = re.compile(rf"/integrations/({'|'.join(SHOPS)})/([\w.-]{{1,64}})")
_document: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class Webhook(NamedTuple):
    """What a webhook told. ``understood``: its topic is one that tells of orders."""

    shop: str
    events: list[Event]
    understood: bool


def collect(
    request: Request, environ: Mapping[str, Any], site_of: Callable[[str], Site | None]
) -> Webhook | Refusal:
    """The events of one webhook, whose signature is right."""
    found = PATH.fullmatch(request.path)
    site = site_of(found[2]) if found else None
    connection = site.shops.get(found[1]) if site and found else None
    if found is None or site is None or connection is None or not connection.secret:
        return Refusal("not_connected", "no site is connected with this shop", status=404)
    shop, adapter = found[1], SHOPS[found[1]]
    if shop == "woocommerce" and woocommerce.PING.fullmatch(request.body):
        return Webhook(shop, [], understood=True)
    given = environ.get(adapter.SIGNATURE, "")
    proven = (
        same_key(given, connection.secret)
        if shop == "cafe24"
        else signed(request.body, connection.secret, given)
    )
    if not proven:
        return Refusal("bad_signature", "the signature is not that of this shop's secret", status=401)
    try:
        document = _document.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal("bad_json", f"the body is not a JSON object: {error}"[:200])
    orders = adapter.orders(environ.get(adapter.TOPIC, ""), document)
    events = [event for order in orders or () for event in events_of(order, shop, site.id, request.received)]
    return Webhook(shop, events, orders is not None)
