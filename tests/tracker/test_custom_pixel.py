"""Shopify's custom pixel in Node, with events as Shopify publishes them, against a running tracker."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.node_modules import NODE, SCRIPTS
from tests.support.shop_payloads import shopify_order
from tests.support.tracker_server import TrackerServer
from tracker.event import Event
from tracker.integrations import shopify
from tracker.integrations.custom_pixel import custom_pixel

pytestmark = pytest.mark.skipif(not NODE, reason="the pixel needs Node: apt-get install nodejs")

VARIANT = {
    "id": "42",
    "sku": "SKU-1",
    "title": "Red",
    "price": {"amount": 5.5, "currencyCode": "EUR"},
    "product": {"id": "632910392", "title": "Socks", "vendor": "Acme", "type": "wear"},
}
PAGE = {
    "document": {
        "location": {"href": "https://shop.example/products/socks"},
        "title": "Socks",
        "referrer": "https://g.example/",
    },
    "navigator": {"language": "ko-KR", "userAgent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"},
    "window": {"screen": {"width": 1920, "height": 1080}},
}


def published(name: str, data: dict[str, Any], number: int) -> dict[str, Any]:
    times = {"timestamp": "2026-11-18T10:00:00.000Z", "clientId": "client-1", "type": "standard"}
    return {"id": f"sh-{number}", "name": name, "data": data, "context": PAGE, **times}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackerServer]:
    server = TrackerServer(tmp_path_factory.mktemp("tracker")).start()
    yield server
    server.kill()


def run(
    server: TrackerServer,
    folder: Path,
    *events: tuple[str, dict[str, Any]],
    customer: Any = None,
    cookie: str = "",
) -> list[Event]:
    server.reset()
    script = folder / "pixel.js"
    script.write_text(custom_pixel(server.host, "wk_test"))
    told = [published(name, data, number) for number, (name, data) in enumerate(events)]
    command = [str(NODE), str(SCRIPTS / "shopify.js"), str(script), cookie]
    given = json.dumps({"customer": customer, "events": told})
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return server.wait_for(len(events))


LINE = {"merchandise": VARIANT, "quantity": 2}
CHECKOUT = {
    "token": "t-1",
    "currencyCode": "EUR",
    "totalPrice": {"amount": 25.0},
    "email": "Jon@Example.com ",
    "lineItems": [{"id": "1", "quantity": 2, "title": "Socks", "variant": VARIANT}],
}


def test_browsing_until_the_checkout(server: TrackerServer, tmp_path: Path) -> None:
    events = run(
        server,
        tmp_path,
        ("page_viewed", {}),
        ("product_viewed", {"productVariant": VARIANT}),
        ("collection_viewed", {"collection": {"id": "9", "title": "Wear"}}),
        ("search_submitted", {"searchResult": {"query": "socks"}}),
        ("product_added_to_cart", {"cartLine": LINE}),
        ("cart_viewed", {"cart": {"lines": [LINE]}}),
        ("product_removed_from_cart", {"cartLine": LINE}),
        ("checkout_started", {"checkout": CHECKOUT}),
        ("checkout_shipping_info_submitted", {"checkout": CHECKOUT}),
        ("payment_info_submitted", {"checkout": CHECKOUT}),
    )
    assert [event.name or event.type for event in events] == [
        *(
            "page",
            "Product Viewed",
            "Product List Viewed",
            "Products Searched",
            "Product Added",
            "Cart Viewed",
        ),
        *("Product Removed", "Checkout Started", "Checkout Step Completed", "Payment Info Entered"),
    ]
    assert {event.visitor for event in events} == {"client-1"}
    assert [event.id for event in events] == [f"sh-{number}" for number in range(10)]
    page, viewed, added, started = events[0], events[1], events[4], events[7]
    assert (page.url, page.title, page.lang, page.screen) == (
        "https://shop.example/products/socks",
        "Socks",
        "ko-KR",
        "1920x1080",
    )
    assert "Firefox" in page.ua
    [order] = shopify.read(shopify_order())
    assert viewed.props["product_id"] == order.lines[0]["product_id"], (
        "the id that the order's webhook gives it"
    )
    assert (viewed.props["price"], viewed.props["category"]) == (5.5, "wear")
    assert added.props["quantity"] == 2
    assert started.props["products"][0]["product_id"] == "632910392"
    assert events[3].props == {"query": "socks"}


@pytest.mark.parametrize(
    ("customer", "ordered", "expected"),
    [
        (None, {"customer": {"id": "gid://shopify/Customer/115310627314723954"}}, "115310627314723954"),
        ({"id": "77"}, {}, "77"),
        (None, {}, "jon@example.com"),
    ],
)
def test_after_the_checkout_the_browser_is_the_orders_customer(
    server: TrackerServer, tmp_path: Path, customer: Any, ordered: Any, expected: str
) -> None:
    done = {"checkout": {**CHECKOUT, "order": {"id": "gid://shopify/OrderIdentity/1", **ordered}}}
    [event] = run(server, tmp_path, ("checkout_completed", done), customer=customer)
    assert (event.type, event.user, event.proven) == ("identify", expected, False)
    assert "order_id" not in event.props, "orders come by webhook"


def test_the_snippets_visitor_is_kept(server: TrackerServer, tmp_path: Path) -> None:
    [event] = run(server, tmp_path, ("page_viewed", {}), cookie="visitor-9", customer={"id": 5})
    assert (event.visitor, event.user) == ("visitor-9", "5")


def test_events_without_what_they_should_have_do_no_harm(server: TrackerServer, tmp_path: Path) -> None:
    names = ("product_viewed", "cart_viewed", "collection_viewed", "checkout_started", "page_viewed")
    assert len(run(server, tmp_path, *((name, {}) for name in names))) == len(names)


@pytest.mark.parametrize("host", ["javascript:1", "https://x';alert(1)//", "https://x\n"])
def test_the_script_holds_only_an_address(host: str) -> None:
    with pytest.raises(ValueError, match="quotes or blanks"):
        custom_pixel(host, "wk")
    with pytest.raises(ValueError, match="quotes or blanks"):
        custom_pixel("https://x.example", "wk'")
