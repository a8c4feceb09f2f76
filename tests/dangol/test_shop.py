"""The demo shop: its pages, what they tell Dangol, its pictures, and the same in a browser with the real snippet."""

import hmac
import json
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from dangol.shop import create_shop
from dangol.shop.cart import Cart
from dangol.shop.catalogue import Product, items, load
from tests.support.machine import ROOT
from tests.support.snippet_pages import answer
from tests.support.tracker_server import TrackerServer
from tests.support.wsgi import serving

CATEGORIES = ["shoes", "bags", "outdoor", "kitchen", "books", "toys", "garden", "audio"]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</title></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}",
    "%00\r\nSet-Cookie: a=b",
    "단골" * 200,
]


@pytest.fixture
def shop() -> Flask:
    return create_shop(None, "wk_test", b"a key for tests", "sk_test")


@pytest.fixture
def client(shop: Flask) -> FlaskClient:
    return shop.test_client()


class Calls(HTMLParser):
    """The arguments of the ``dangol(…)`` calls that a page makes by itself, and the tags it consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.made: list[list[Any]] = []
        self.once: list[list[Any]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._script = self._once = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = tag == "script"
        self._once = self._script and ("id", "once") in attrs

    def handle_data(self, data: str) -> None:
        if self._once:
            self.once = json.loads(data)
        elif self._script:
            calls = re.findall(r"^dangol\((.*)\);$", data, re.MULTILINE)
            self.made += [json.loads(f"[{call}]") for call in calls]

    def handle_endtag(self, tag: str) -> None:
        self._script = self._once = False

    def named(self, name: str) -> dict[str, Any]:
        return next(call[2] for call in self.made if call[1] == name)

    @property
    def names(self) -> list[str]:
        return [call[1] for call in self.made]


def get(client: FlaskClient, path: str, status: int = 200) -> Calls:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status)
    return Calls(answer.text)


def fill_cart(client: FlaskClient, **quantities: int) -> None:
    for item, quantity in quantities.items():
        posted = {"item": item.replace("_", "-"), "quantity": str(quantity)}
        assert client.post("/cart/add", data=posted).status_code == 302


# The assortment


def test_every_category_has_its_shelf() -> None:
    catalogue = load()
    assert list(catalogue.categories) == CATEGORIES
    assert len(catalogue.products) >= 48
    assert all(len(catalogue.of(category)) >= 6 for category in CATEGORIES)
    for product in catalogue.products.values():
        assert set(product.goes_with) <= set(catalogue.products) - {product.id}


def test_the_catalogue_as_a_backend_tells_it() -> None:
    first = items("http://shop.example/")[0]
    assert first == {
        "id": "trail-runner",
        "name": "Trail Runner",
        "category": "shoes",
        "price": 119.0,
        "url": "http://shop.example/shop/p/trail-runner",
        "image": "http://shop.example/shop/art/trail-runner.svg",
        "available": True,
    }
    assert [item["id"] for item in items("http://x") if not item["available"]] == [
        "solo-tent",
        "tall-monstera",
    ]


# Pictures


@pytest.mark.parametrize("product", load().products.values(), ids=lambda product: product.id)
def test_every_product_has_a_picture(client: FlaskClient, product: Product) -> None:
    answer = client.get(f"/art/{product.id}.svg")
    assert answer.mimetype == "image/svg+xml"
    root = ElementTree.fromstring(answer.text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter())) >= 8, "drawn, not just coloured"
    assert not re.search(r"<script|<text|href=|https?://(?!www\.w3\.org/2000/svg)", answer.text)
    classes = {one for each in root.iter() for one in each.get("class", "").split()}
    assert classes <= set(re.findall(r"\.(\w+)", answer.text)), "every class has its colour"


def test_every_picture_is_a_product_s_and_no_two_are_the_same() -> None:
    pictures = {path.stem: path.read_text() for path in (ROOT / "dangol/shop/static/pictures").iterdir()}
    assert set(pictures) == set(load().products)
    assert len(set(pictures.values())) == len(pictures)


def test_pictures_may_be_cached(client: FlaskClient) -> None:
    first = client.get("/art/turntable.svg")
    assert "public" in first.headers["Cache-Control"]
    again = client.get("/art/turntable.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/art/nothing.svg").status_code == 404


# Pages


def test_the_snippet_is_embedded_as_any_site_would(client: FlaskClient) -> None:
    page = client.get("/").text
    assert (
        "<script>if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)};"
        'dangol(\'init\',"wk_test")</script>\n<script async src="/dangol.js"></script>'
    ) in page
    elsewhere = create_shop("https://crm.example/", "wk_test").test_client().get("/").text
    assert '<script async src="https://crm.example/dangol.js">' in elsewhere


def test_no_page_loads_anything_from_elsewhere(client: FlaskClient) -> None:
    fill_cart(client, turntable=1)
    for path in (
        "/",
        "/c/books",
        "/p/turntable",
        "/search?q=tent",
        "/search?q=none",
        "/cart",
        "/checkout",
        "/sign-in",
    ):
        for _, attributes in get(client, path).tags:
            for name in ("src", "href", "action"):
                assert not re.match(r"(?:https?:)?//", attributes.get(name) or ""), path
    with client.get("/static/shop.css") as style:
        assert "url(" not in style.text
        assert "@import" not in style.text


def test_rows_are_slots_that_show_something_already(client: FlaskClient) -> None:
    page = client.get("/").text
    rows = {
        attributes["data-slot"]: json.loads(attributes["data-options"] or "")
        for _, attributes in Calls(page).tags
        if "data-options" in attributes
    }
    assert rows["for-you"] == {"kind": "items", "strategy": "personal", "limit": 6}
    assert rows["trending"]["strategy"] == "trending"
    row = page[
        page.index('data-slot="for-you"') : page.index("</section>", page.index('data-slot="for-you"'))
    ]
    assert re.findall(r'data-item="([^"]+)"', row) == [p.id for p in load().bestsellers()[:6]]
    assert 'data-slot="hero"' in page


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_tells_its_list(client: FlaskClient, category: str) -> None:
    listed = get(client, f"/c/{category}?sort=low").named("Product List Viewed")
    assert listed["category"] == category
    prices = [load().products[row["product_id"]].price for row in listed["products"]]
    assert prices == sorted(prices)


def test_a_product_tells_that_it_was_viewed(client: FlaskClient) -> None:
    assert get(client, "/p/ridge-boot").named("Product Viewed") == {
        "product_id": "ridge-boot",
        "name": "Ridge Boot",
        "category": "shoes",
        "price": 169.0,
        "currency": "EUR",
        "url": "http://localhost/p/ridge-boot",
        "image_url": "http://localhost/art/ridge-boot.svg",
    }


def test_links_follow_where_the_shop_is_mounted(shop: Flask) -> None:
    page = shop.test_client().get("/p/ridge-boot", environ_overrides={"SCRIPT_NAME": "/shop"}).text
    assert Calls(page).named("Product Viewed")["url"] == "http://localhost/shop/p/ridge-boot"
    links = {attributes["href"] or "" for tag, attributes in Calls(page).tags if tag == "a"} - {"#", "#main"}
    assert len(links) > 15
    assert all(link.startswith("/shop/") for link in links)


def test_sold_out_things_are_seen_but_not_sold(client: FlaskClient) -> None:
    assert "Sold out at the moment" in client.get("/p/solo-tent").text
    fill_cart(client, solo_tent=1)
    assert "Your cart is empty" in client.get("/cart").text
    row = client.get("/").text
    assert "solo-tent" not in row


def test_products_json_is_what_the_script_looks_up(client: FlaskClient) -> None:
    document = client.get("/products.json").json
    assert set(document["products"]) == set(load().products)
    assert document["products"]["trail-runner"] == {
        "name": "Trail Runner",
        "category": "shoes",
        "shelf": "Shoes",
        "price": 119.0,
        "url": "/p/trail-runner",
        "image": "/art/trail-runner.svg",
        "available": True,
    }


# Search and other hostile input


def test_search_finds_and_tells(client: FlaskClient) -> None:
    page = get(client, "/search?q=BEAR")
    assert page.named("Products Searched") == {"query": "BEAR", "results": 2}
    assert "bear-barnaby" in {attributes.get("data-item") for _, attributes in page.tags}
    assert get(client, "/search?q=quantum").named("Products Searched")["results"] == 0
    assert get(client, "/search").names == []
    assert get(client, "/search?q=+++").names == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(client: FlaskClient, text: str) -> None:
    plain = [tag for tag, _ in get(client, "/search?q=unfindable").tags]
    answer = client.get("/search", query_string={"q": text})
    page = Calls(answer.text)
    assert [tag for tag, _ in page.tags] == plain, "no tag comes from the visitor"
    assert "Set-Cookie" not in answer.headers
    assert page.named("Products Searched")["query"] == " ".join(text.split())[:100]
    assert not any(
        name.startswith("on") for tag, attributes in page.tags if tag == "img" for name in attributes
    )


@pytest.mark.parametrize("text", HOSTILE[:5])
def test_hostile_names_are_only_text(client: FlaskClient, text: str) -> None:
    client.post("/sign-in", data={"email": "a@b.example", "name": text})
    page = get(client, "/")
    assert page.once[0][2][2] == {"email": "a@b.example", "name": text}
    assert not [tag for tag, attributes in page.tags if "onerror" in attributes or "onload" in attributes]


@pytest.mark.parametrize(
    ("method", "path", "form", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/p/nothing", {}, 404),
        ("GET", "/c/<b>", {}, 404),
        ("GET", "/cart/add", {}, 405),
        ("POST", "/cart/add", {}, 404),
        ("POST", "/cart/add", {"item": "<script>"}, 404),
        ("POST", "/cart/update", {"item": "nothing", "quantity": "1"}, 404),
        ("POST", "/sign-in", {"email": "x" * 100_000}, 413),
    ],
)
def test_nonsense_is_refused_politely(
    client: FlaskClient, method: str, path: str, form: dict[str, str], status: int
) -> None:
    answer = client.open(path, method=method, data=form)
    assert answer.status_code == status
    assert "<b>" not in answer.text.partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize(
    ("given", "kept"), [("3", 3), ("-4", 1), ("0", 1), ("1e9", 1), ("９", 9), ("999999999", 1), ("", 1)]
)
def test_quantities_stay_within_reason(client: FlaskClient, given: str, kept: int) -> None:
    client.post("/cart/add", data={"item": "turntable", "quantity": given})
    assert get(client, "/cart").named("Cart Viewed")["products"][0]["quantity"] == kept


def test_a_forged_cookie_is_an_empty_cart(client: FlaskClient) -> None:
    client.set_cookie("dangol_market", "eyJjYXJ0Ijp7fX0.aaaa.forged")
    assert "Your cart is empty" in client.get("/cart").text


def test_one_key_signs_differently_for_shop_and_desk() -> None:
    assert create_shop(None, "wk", b"key").secret_key == create_shop(None, "other", b"key").secret_key
    assert create_shop(None, "wk", b"key").secret_key != b"key"
    assert create_shop(None, "wk").secret_key != create_shop(None, "wk").secret_key


# Buying


def test_amounts() -> None:
    products = load().products
    cart = Cart().with_quantity(products["stoneware-mug"], 2)
    assert (cart.goods, cart.shipping, cart.total) == (36.0, 4.9, 40.9)
    cart = Cart(cart.with_quantity(products["turntable"], 1).lines, "WELCOME10")
    assert (cart.goods, cart.discount, cart.shipping, cart.revenue, cart.total) == (
        295.0,
        29.5,
        0.0,
        265.5,
        265.5,
    )
    assert cart.with_quantity(products["turntable"], 0).ids == ["stoneware-mug"]
    assert cart.with_quantity(products["turntable"], 5000).count == 22


def test_from_cart_to_thank_you(client: FlaskClient) -> None:
    assert client.get("/checkout").headers["Location"].endswith("/cart")
    assert client.get("/checkout/payment").status_code == 302
    assert client.get("/thank-you").status_code == 302
    fill_cart(client, trail_runner=2, stoneware_mug=1)
    viewed = get(client, "/cart").named("Cart Viewed")
    assert [line["product_id"] for line in viewed["products"]] == ["trail-runner", "stoneware-mug"]
    client.post("/cart/coupon", data={"code": "welcome10"})
    assert get(client, "/cart").names == ["Coupon Applied", "Cart Viewed"]

    started = get(client, "/checkout").named("Checkout Started")
    assert client.post("/checkout", data={"name": "Mina"}).status_code == 200, "an address is asked for again"
    address = {"name": "Mina", "street": "1 Road", "postcode": "1", "city": "Seoul"}
    assert client.post("/checkout", data=address).headers["Location"].endswith("/checkout/payment")
    payment = get(client, "/checkout/payment")
    assert payment.named("Checkout Step Completed") == {"checkout_id": started["order_id"], "step": 1}
    told = next(
        attributes["data-call"] for _, attributes in payment.tags if attributes.get("id") == "payment"
    )
    assert json.loads(told or "")[1:] == [
        "Checkout Step Completed",
        {"checkout_id": started["order_id"], "step": 2},
    ]

    assert client.post("/checkout/payment").headers["Location"].endswith("/thank-you")
    [(kind, key, (_, name, done))] = get(client, "/thank-you").once
    assert (kind, key, name) == ("order", started["order_id"], "Order Completed")
    assert done["order_id"] == started["order_id"]
    assert (done["revenue"], done["total"], done["discount"], done["currency"]) == (230.4, 230.4, 25.6, "EUR")
    assert [(line["product_id"], line["quantity"], line["price"]) for line in done["products"]] == [
        ("trail-runner", 2, 119.0),
        ("stoneware-mug", 1, 18.0),
    ]
    assert "Your cart is empty" in client.get("/cart").text
    fill_cart(client, turntable=1)
    assert get(client, "/checkout").named("Checkout Started")["order_id"] != started["order_id"]


def test_signing_in_introduces_the_customer(client: FlaskClient) -> None:
    refused = client.post("/sign-in", data={"email": "not an address"})
    assert "Please enter an e-mail address" in refused.text
    client.post("/sign-in", data={"email": " Mina.Park@Example.com "})
    [(kind, key, call)] = get(client, "/").once
    assert kind == "customer"
    name, customer, traits, said = call
    assert (name, traits) == ("identify", {"email": "mina.park@example.com", "name": "Mina Park"})
    assert key.startswith(customer) and "sk_test" not in str(call)
    assert said == {"proof": hmac.new(b"sk_test", customer.encode(), "sha256").hexdigest()}
    assert "mina" not in key, "the id does not give the address away"
    signed_in = client.get("/").text
    assert "data-call='[\"reset\"]'" in signed_in
    client.post("/sign-out")
    assert "Sign in" in client.get("/").text
    assert get(client, "/").once == []


def test_a_full_cart_fits_its_cookie(client: FlaskClient) -> None:
    client.post("/sign-in", data={"email": "x" * 90 + "@b.example", "name": "김" * 100})
    for item in load().products:
        client.post("/cart/add", data={"item": item, "quantity": "20"})
    fields = ("name", "street", "postcode", "city")
    client.get("/checkout")
    client.post("/checkout", data=dict.fromkeys(fields, "서울" * 40))
    client.post("/checkout/payment")
    done = client.get("/thank-you")
    assert len(Calls(done.text).once[1][2][2]["products"]) == 20
    cookie = client.get_cookie("dangol_market")
    assert cookie and len(cookie.value) < 4000


# In a browser, with the real snippet and a real tracker


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackerServer]:
    with TrackerServer(tmp_path_factory.mktemp("tracker")) as server:
        yield server


@pytest.fixture(scope="module")
def address(tracker: TrackerServer) -> Iterator[str]:
    """The shop at /shop, as a site of its own: the tracker is another origin."""

    def nothing(_: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return [b""]

    shop = create_shop(tracker.host, "wk_test", b"a key for tests")
    with serving(DispatcherMiddleware(nothing, {"/shop": shop})) as url:
        yield f"{url}/shop"


@pytest.fixture
def page(browser: Browser, tracker: TrackerServer) -> Iterator[Page]:
    tracker.wait_for(1, 0.3)
    tracker.reset()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert problems == []


def names(tracker: TrackerServer) -> list[str]:
    return [event.name or event.type for event in tracker.unique()]


@pytest.mark.browser
class TestInABrowser:
    def test_the_row_turns_to_what_personalization_says(
        self, page: Page, address: str, tracker: TrackerServer
    ) -> None:
        items = [
            {"id": "ridge-boot", "score": 1, "reason": {"kind": "viewed", "item": "trail-runner"}},
            {"id": "no-such-thing", "score": 0.9, "reason": {"kind": "popular"}},
            {"id": "solo-tent", "score": 0.8, "reason": {"kind": "popular"}},
            {
                "id": "sling",
                "score": 0.7,
                "reason": {"kind": "category", "item": "weekender", "category": "bags"},
            },
        ]
        answer(tracker, {"for-you": {"items": items, "model": "m1"}})
        page.goto(address + "/")
        row = page.locator('[data-slot="for-you"][data-source="dangol"]')
        row.wait_for()
        assert row.locator(".card").count() == 2, "unknown and sold-out things are left out"
        assert row.locator("h2").inner_text() == "Picked for you"
        assert row.locator(".why").all_inner_texts() == [
            "because you viewed Trail Runner",
            "because you viewed Weekender",
        ]
        assert page.locator('[data-slot="trending"]').get_attribute("data-source") == "shop"
        row.locator(".card a").first.click()
        page.wait_for_url("**/p/ridge-boot")
        wanted = {"Product Clicked", "Product Viewed"}
        assert wanted <= set(names_when(tracker, wanted))

    @pytest.mark.parametrize(
        "reply", ["{}", "[", '{"slots": null}', '{"slots": {"for-you": {"items": [{}]}}}']
    )
    def test_a_bad_answer_leaves_the_page_as_it_was(
        self, page: Page, address: str, tracker: TrackerServer, reply: str
    ) -> None:
        (tracker.folder / "answer.json").write_text(reply)
        page.goto(address + "/")
        names_when(tracker, {"page"})
        page.wait_for_timeout(200)
        row = page.locator('[data-slot="for-you"]')
        assert (row.get_attribute("data-source"), row.locator(".card").count()) == ("shop", 6)
        assert page.locator(".hero h1").inner_text().startswith("Good things")

    def test_an_offer_fills_the_window_and_is_reported(
        self, page: Page, address: str, tracker: TrackerServer
    ) -> None:
        content = {
            "title": "<i>First</i> pair",
            "text": "…",
            "link": "/c/shoes",
            "cta": "See",
            "tone": "shoes",
        }
        offer = {"campaign": "shoe-lovers", "variant": "new-season", "content": content}
        answer(tracker, {"hero": {"offer": offer, "token": "t1"}})
        page.goto(address + "/")
        hero = page.locator('.hero[data-campaign="shoe-lovers"]')
        hero.wait_for()
        assert hero.locator("h1").inner_text() == "<i>First</i> pair", "text, not HTML"
        assert hero.locator(".window img").count() == 4
        names_when(tracker, {"Offer Viewed"})  # a second later
        hero.locator("a").click()
        page.wait_for_url("**/shop/c/shoes")
        names_when(tracker, {"Offer Viewed", "Offer Clicked"})
        viewed = next(event for event in tracker.unique() if event.name == "Offer Viewed")
        assert (viewed.props["campaign"], viewed.props["slot"], viewed.props["token"]) == (
            "shoe-lovers",
            "hero",
            "t1",
        )

    def test_a_link_that_runs_code_is_no_link(self, page: Page, address: str, tracker: TrackerServer) -> None:
        offer = {"campaign": "c", "variant": "v", "content": {"title": "Hm", "link": "javascript:alert(1)"}}
        answer(tracker, {"hero": {"offer": offer, "token": "t"}})
        page.goto(address + "/")
        page.locator('.hero[data-campaign="c"]').wait_for()
        assert page.locator(".hero a").count() == 0

    def test_a_whole_visit(self, page: Page, address: str, tracker: TrackerServer) -> None:
        page.goto(address + "/sign-in")
        page.fill("[name=email]", "mina@shop.example")
        page.click("#do-sign-in")
        page.goto(address + "/p/trail-runner")
        page.fill("[name=quantity]", "3")
        page.click("#add-to-cart")
        page.click("#checkout")
        page.click("#to-payment")
        page.click("#place-order")
        page.wait_for_url("**/thank-you")
        page.reload()
        page.goto(address + "/")
        page.goto(address + "/thank-you")
        wanted = [
            "identify",
            "Product Viewed",
            "Product Added",
            "Cart Viewed",
            "Checkout Started",
            "Checkout Step Completed",
            "Order Completed",
        ]
        names_when(tracker, set(wanted))
        events = sorted(tracker.unique(), key=lambda event: event.ts)
        order = [event.name or event.type for event in events]
        assert (order.count("identify"), order.count("Order Completed")) == (1, 1), (
            "a reload is not another order"
        )
        places = [order.index(name) for name in wanted[1:]]  # who it is may be told from the page after
        assert places == sorted(places)
        times = {name: next(e.ts for e in events if name in (e.name, e.type)) for name in wanted[1:]}
        assert len(set(times.values())) == len(times), "each step of a funnel is later than the one before"
        added = next(event for event in events if event.name == "Product Added")
        assert (added.props["quantity"], added.props["category"]) == (3, "shoes")
        assert {event.source for event in events} == {"snippet"}
        assert len({event.visitor for event in events}) == 1
        assert events[-1].user

    def test_privacy_choices_and_signing_out(self, page: Page, address: str, tracker: TrackerServer) -> None:
        page.goto(address + "/")
        page.click("#privacy-open")
        page.uncheck("[name=marketing]")
        page.click("text=Save choices")
        names_when(tracker, {"consent"})
        told = next(event for event in tracker.unique() if event.type == "consent")
        assert told.props == {"analytics": True, "personalization": True, "marketing": False}
        page.reload()
        page.click("#privacy-open")
        assert not page.is_checked("[name=marketing]")
        page.click("text=Leave as it is")
        before = page.evaluate("document.cookie.match(/dangol_v=([^;]+)/)[1]")
        page.goto(address + "/sign-in")
        page.fill("[name=email]", "mina@shop.example")
        page.click("#do-sign-in")
        page.click("#sign-out")
        page.get_by_text("You are signed out").wait_for()
        after = page.evaluate("document.cookie.match(/dangol_v=([^;]+)/)[1]")
        assert after != before
        page.goto(address + "/sign-in")
        page.fill("[name=email]", "mina@shop.example")
        page.click("#do-sign-in")
        page.get_by_text("Welcome, Mina").wait_for()
        names_when(tracker, {"identify"})
        page.wait_for_timeout(300)
        told = [event.visitor for event in tracker.unique() if event.type == "identify"]
        assert told == [before, after], "signing in again introduces the customer again"

    @pytest.mark.parametrize("width", [390, 768, 1280])
    def test_nothing_is_wider_than_the_screen(self, page: Page, address: str, width: int) -> None:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(address + "/p/turntable")
        page.click("#add-to-cart")
        for path in (
            "/",
            "/c/toys",
            "/p/turntable",
            "/search?q=" + "x" * 100,
            "/cart",
            "/checkout",
            "/sign-in",
        ):
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def names_when(tracker: TrackerServer, wanted: set[str], seconds: float = 10.0) -> list[str]:
    """Names of the tracker's events once ``wanted`` are among them."""
    deadline = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if wanted <= set(names(tracker)):
            return names(tracker)
        deadline.wait(0.05)
    raise AssertionError(f"{wanted - set(names(tracker))} never came")
