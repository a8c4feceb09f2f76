"""The orders of a hosted shop that changed since a time, page by page, oldest change first."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from dangol.shops.https import Ask, ShopUnavailable
from tracker.durations import DAY_MS
from tracker.integrations import cafe24, shopify, woocommerce
from tracker.integrations.shop_order import ShopOrder
from tracker.sites import ShopConnection

SHOPIFY_VERSION = "2026-01"
PAGE_ORDERS = 50
CAFE24_MS = 14 * DAY_MS
CAFE24_ORDERS = 2_000
"""How many of Cafe24's orders one run looks at."""
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')


class OrdersPage(NamedTuple):
    """``latest`` is when the last of the orders changed, in ms."""

    orders: list[ShopOrder]
    latest: int


def shopify_pages(connection: ShopConnection, since: int, ask: Ask) -> Iterator[OrdersPage]:
    """Shopify's, by cursor. Raises ShopUnavailable."""
    query = {"status": "any", "limit": PAGE_ORDERS, "order": "updated_at asc", "updated_at_min": _iso(since)}
    address = f"{connection.url}/admin/api/{SHOPIFY_VERSION}/orders.json?{urlencode(query)}"
    own = urlsplit(address)[:2]
    while True:
        answer = ask(address, {"X-Shopify-Access-Token": connection.token})
        document = _decoded(answer.body, dict[str, Any])
        orders = [order for each in _objects(document.get("orders")) for order in shopify.read(each)]
        yield OrdersPage(orders, max((order.updated for order in orders), default=since))
        following = _NEXT.search(answer.headers.get("link", ""))
        if following is None:
            return
        address = following[1]
        if urlsplit(address)[:2] != own:
            raise ShopUnavailable("the shop's next page is on another host", retry_after=60.0)


def woocommerce_pages(connection: ShopConnection, since: int, ask: Ask) -> Iterator[OrdersPage]:
    """WooCommerce's. An order that changes meanwhile would move the pages, so each begins where the one before ended;
    only orders of the same second are paged through. Raises ShopUnavailable."""
    key = b64encode(f"{connection.key}:{connection.token}".encode()).decode()
    number = 1
    while True:
        query = {
            "modified_after": _iso(since),
            "dates_are_gmt": "true",
            "orderby": "modified",
            "order": "asc",
        }
        query |= {"per_page": str(PAGE_ORDERS), "page": str(number)}
        address = f"{connection.url}/wp-json/wc/v3/orders?{urlencode(query)}"
        given = _objects(_decoded(ask(address, {"Authorization": f"Basic {key}"}).body, list[Any]))
        orders = [order for each in given for order in woocommerce.read(each)]
        latest = max((order.updated for order in orders), default=since)
        yield OrdersPage(orders, latest)
        if len(given) < PAGE_ORDERS:
            return
        moved = latest - 1_000 > since
        since, number = (latest - 1_000, 1) if moved else (since, number + 1)


def cafe24_pages(connection: ShopConnection, since: int, ask: Ask) -> Iterator[OrdersPage]:
    """Cafe24's of the last CAFE24_MS before ``since`` and later, by the day of the order: it does not say which have
    changed. ``token`` is an access token. Raises ShopUnavailable."""
    days = {"start_date": _iso(since - CAFE24_MS)[:10], "end_date": _iso(since + CAFE24_MS)[:10]}
    for offset in range(0, CAFE24_ORDERS, PAGE_ORDERS):
        query = {**days, "embed": "items", "limit": PAGE_ORDERS, "offset": offset}
        address = f"{connection.url}/api/v2/admin/orders?{urlencode(query)}"
        answer = ask(address, {"Authorization": f"Bearer {connection.token}"})
        given = _objects(_decoded(answer.body, dict[str, Any]).get("orders"))
        yield OrdersPage([order for each in given for order in cafe24.read(each)], since)
        if len(given) < PAGE_ORDERS:
            return


def cafe24_tokens(connection: ShopConnection, ask: Ask) -> tuple[str, str]:
    """A new access token, and the refresh token that takes the place of ``connection.token``. Raises
    ShopUnavailable."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers["Authorization"] = f"Basic {b64encode(connection.key.encode()).decode()}"
    form = urlencode({"grant_type": "refresh_token", "refresh_token": connection.token})
    given = _decoded(ask(f"{connection.url}/api/v2/oauth/token", headers, form.encode()).body, dict[str, Any])
    access, refresh = given.get("access_token"), given.get("refresh_token")
    if not isinstance(access, str) or not isinstance(refresh, str):
        raise ShopUnavailable("Cafe24 gives no tokens", retry_after=60.0)
    return access, refresh


PAGES: Mapping[str, Callable[[ShopConnection, int, Ask], Iterator[OrdersPage]]] = {
    "shopify": shopify_pages,
    "woocommerce": woocommerce_pages,
    "cafe24": cafe24_pages,
}


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _decoded(body: bytes, kind: type) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ShopUnavailable(
            f"the shop's answer is not as it should be: {error}"[:200], retry_after=60.0
        ) from error


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
