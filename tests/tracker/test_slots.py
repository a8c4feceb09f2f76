"""Slots in a real browser: when an offer counts as seen, that it stays away when dismissed, and moves nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.machine import Clock
from tests.support.snippet_pages import BANNER, Shop, answer, eventually, names, offered
from tests.support.tracker_server import TrackerServer
from tests.support.web_stage import stage_of
from tests.support.wsgi import serving
from tracker.durations import DAY_SECONDS
from tracker.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PICTURE = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='150'><rect width='300' height='150'/></svg>"
)
SHIFT = """
    window.shift = 0;
    new PerformanceObserver(list => list.getEntries().forEach(e => { shift += e.value }))
        .observe({type: 'layout-shift', buffered: true});
"""


def below_the_fold(shop: Shop, call: str) -> str:
    style = "#slot { margin-top: 1500px; height: 200px } .dangol-offer { height: 200px }"
    return f"<style>{style}</style>{shop.page(call)}<p style='height:1500px'>"


def test_an_offer_counts_as_seen_when_half_of_it_was_visible_for_a_second(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/"] = below_the_fold(shop, "dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer", state="attached")
    top = page.evaluate("document.querySelector('.dangol-offer').getBoundingClientRect().top")
    # A part that is less than half, for longer than a second; then all of it, but for less than a second.
    page.evaluate(f"scrollTo(0, {top} - innerHeight + 90)")
    page.wait_for_timeout(1_500)
    page.evaluate(f"scrollTo(0, {top}); setTimeout(() => scrollTo(0, 0), 400)")
    page.wait_for_function("scrollY == 0")
    page.wait_for_timeout(1_200)
    assert names(tracker.unique()) == ["page"]
    page.evaluate(f"scrollTo(0, {top} - innerHeight + 110)")
    seen = tracker.wait_for(2)
    assert names(seen) == ["page", "Offer Viewed"]
    assert seen[1].props == {"campaign": "c", "variant": "v", "slot": "hero", "token": "t"}
    page.evaluate(f"scrollTo(0, 0); scrollTo(0, {top})")
    page.wait_for_timeout(1_300)
    assert names(tracker.unique()) == ["page", "Offer Viewed"]


@pytest.mark.parametrize("height", [1800, 9000])
def test_an_offer_of_many_screens_is_seen_when_it_fills_half_of_one(
    shop: Shop, page: Page, tracker: TrackerServer, height: int
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    style = f"#slot {{ margin-top: 1500px }} .dangol-offer {{ height: {height}px }}"
    shop.pages["/"] = f"<style>{style}</style>" + shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer", state="attached")
    top = page.evaluate("document.querySelector('.dangol-offer').getBoundingClientRect().top")
    page.evaluate(f"scrollTo(0, {top} - innerHeight + 280)")
    page.wait_for_timeout(1_500)
    assert names(tracker.unique()) == ["page"]
    # It may move meanwhile, as long as it fills half.
    page.evaluate(f"scrollTo(0, {top} - innerHeight + 400); setInterval(() => scrollBy(0, 40), 300)")
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]


def test_a_tall_offer_that_stands_mostly_beside_the_screen_is_not_seen(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    style = "#slot { margin-left: 700px; width: 700px } .dangol-offer { height: 500px }"
    shop.pages["/"] = f"<style>{style}</style>" + shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer")
    page.wait_for_timeout(1_500)
    assert names(tracker.unique()) == ["page"]
    page.evaluate("scrollTo(600, 0)")
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]


def test_a_tab_in_the_background_sees_nothing(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => !window.front})")
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer")
    page.wait_for_timeout(1_500)
    assert names(tracker.unique()) == ["page"]
    page.evaluate("window.front = true")
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]


def test_a_callback_may_leave_the_looking_to_us(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.goto(shop.url)
    page.evaluate("dangol('slot', 'hero', r => r.viewed(document.querySelector('#slot')))")
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]


def test_what_was_dismissed_stays_away_on_every_page_and_the_page_has_its_own_back(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot', {dismiss: 'Hide this'})")
    page.goto(shop.url)
    page.get_by_role("button", name="Hide this").click()
    assert page.inner_text("#slot") == "kept"
    events = tracker.wait_for(2)
    assert names(events) == ["page", "Offer Dismissed"]
    assert events[1].props["campaign"] == "c" and events[1].props["token"]
    other = page.context.new_page()
    other.goto(shop.url)
    eventually(lambda: tracker.asked().get("dismissed") == ["c"])
    # A month later it may come again.
    other.evaluate("localStorage.setItem('dangol_d', JSON.stringify({c: Date.now() - 31 * 864e5}))")
    other.reload()
    eventually(lambda: tracker.asked().get("dismissed") == [])


def test_a_slot_drawn_again_gives_back_what_is_the_pages_and_never_an_offer(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    page.goto(shop.url)
    page.evaluate("document.querySelector('#slot').innerHTML = '<em>the page</em> itself'")
    for number in range(3):
        answer(tracker, {"hero": offered({"title": f"Offer {number}"})})
        page.evaluate(f"history.pushState({{}}, '', '/{number}')")
        page.evaluate("dangol('slot', 'hero', '#slot', {dismiss: true})")
        page.wait_for_selector(f"#slot :text('Offer {number}')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "dangol-dismiss"
    page.keyboard.press("Enter")
    assert page.inner_html("#slot") == "<em>the page</em> itself"
    assert page.evaluate("document.activeElement.id") == "slot"
    eventually(lambda: "Offer Dismissed" in names(tracker.unique()))
    # A framework that keeps pages as HTML brings a copy of the offer along.
    page.evaluate("document.querySelector('#slot').innerHTML += '<div class=dangol-offer>copy</div>'")
    page.evaluate("dangol('slot', 'hero', '#slot', {dismiss: true})")
    page.click("#slot .dangol-dismiss")
    assert page.inner_html("#slot") == "<em>the page</em> itself"


def test_a_place_that_takes_the_focus_anyway_keeps_its_place_in_the_order(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.goto(shop.url)
    page.evaluate(
        "document.querySelector('#slot').tabIndex = 0; dangol('slot', 'hero', '#slot', {dismiss: true})"
    )
    page.click("#slot .dangol-dismiss")
    assert page.evaluate("[document.activeElement.id, document.activeElement.tabIndex]") == ["slot", 0]


HELD = """
    // The answers come when the test lets them.
    window.answers = [];
    const real = window.fetch;
    window.fetch = (url, o) => !url.endsWith('personalize') ? real(url, o)
        : new Promise(done => answers.push(slots => done(new Response(JSON.stringify({slots})))));
"""


@pytest.mark.parametrize("newer", [True, False])
def test_a_late_answer_does_not_overwrite_a_newer_one(
    shop: Shop, page: Page, tracker: TrackerServer, newer: bool
) -> None:
    page.add_init_script(HELD)
    page.goto(shop.url)
    for number, slot in enumerate(("old", "new"), 1):
        page.evaluate(f"dangol('slot', '{slot}', '#slot')")
        page.wait_for_function(f"answers.length == {number}")
    page.evaluate("slots => answers[1](slots)", {"new": offered({"title": "New"}) if newer else {}})
    if newer:
        page.wait_for_selector("#slot strong")
    page.evaluate("slots => answers[0](slots)", {"old": offered({"title": "Old"})})
    page.evaluate("dangol('slot', 'cb', r => { window.got = 1 })")
    page.wait_for_function("answers.length == 3")
    page.evaluate("answers[2]({})")
    page.wait_for_function("window.got")
    page.wait_for_timeout(100)
    assert page.inner_text("#slot") == ("New" if newer else "kept")


def test_an_answer_that_waits_for_its_pictures_does_not_overwrite_a_newer_one(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    page.add_init_script(HELD)
    page.add_init_script(
        "HTMLImageElement.prototype.decode = () => new Promise(done => { window.decoded = done })"
    )
    page.goto(shop.url)
    for number, slot in enumerate(("old", "new"), 1):
        page.evaluate(f"dangol('slot', '{slot}', '#slot')")
        page.wait_for_function(f"answers.length == {number}")
    page.evaluate("slots => answers[0](slots)", {"old": offered({"image": "/art.svg", "alt": "Old"})})
    page.wait_for_function("!!window.decoded")
    page.evaluate("slots => answers[1](slots)", {"new": offered({"title": "New"})})
    page.wait_for_selector("#slot strong")
    page.evaluate("decoded()")
    page.wait_for_timeout(100)
    assert page.inner_text("#slot") == "New"


def test_of_two_slots_for_one_place_that_which_has_something_is_drawn(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"some": offered({"title": "Some"}), "none": {"offer": None}})
    page.goto(shop.url)
    page.evaluate("dangol('slot', 'some', '#slot'); dangol('slot', 'none', '#slot')")
    page.wait_for_selector("#slot strong")


def test_a_shadow_root_is_a_place_too(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.goto(shop.url)
    page.evaluate(
        "dangol('slot', 'hero', document.querySelector('#slot').attachShadow({mode: 'open'}), {dismiss: true})"
    )
    page.click("#slot strong")
    page.click("#slot .dangol-dismiss")
    eventually(lambda: {"Offer Clicked", "Offer Dismissed"} <= set(names(tracker.unique())))


def test_nothing_moves_where_the_page_or_the_call_says_how_high_the_slot_is(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered({"image": "/art.svg", "alt": "Art", "width": 300, "height": 150})})
    shop.pages["/art.svg"] = PICTURE
    call = "dangol('slot', 'hero', '#slot')"
    shop.pages["/"] = (
        f"<style>#slot {{ min-height: 200px }}</style><script>{SHIFT}</script>{shop.page(call)}<p>Below</p>"
    )
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer img", state="attached")
    tracker.wait_for(2)
    assert page.evaluate("shift") == 0
    shop.pages["/"] = f"{shop.page()}<p>Below</p>"
    page.goto(shop.url)
    page.evaluate("dangol('slot', 'hero', '#slot', {height: 200})")
    page.wait_for_function("document.querySelector('#slot').style.minHeight == '200px'")
    before = page.evaluate("document.querySelector('p').getBoundingClientRect().top")
    assert before > 200
    page.wait_for_selector("#slot .dangol-offer img", state="attached")
    assert page.evaluate("document.querySelector('p').getBoundingClientRect().top") == before


def test_a_target_that_is_missing_or_no_selector_costs_nothing_else(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {slot: offered(BANNER, slot) for slot in ("hero", "gone", "odd")})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(shop.url)
    page.evaluate(
        """() => {
            dangol('slot', 'gone', '#gone', {height: 200});
            dangol('slot', 'none', document.querySelector('#gone'), {height: 200});
            dangol('slot', 'hero', '#slot', {height: 200});
        }"""
    )
    page.wait_for_selector("#slot .dangol-offer")
    assert [slot["id"] for slot in tracker.asked()["slots"]] == ["gone", "hero"]
    assert [text for text in said if "TypeError" in text] == []
    # An element that comes before the answer is filled; a selector that is none is said, and not thrown.
    page.evaluate("dangol('slot', 'odd', '##', {height: 200}); dangol('slot', 'odd', '##')")
    page.evaluate(
        """() => {
            dangol('slot', 'gone', '#gone', {height: 200});
            document.body.insertAdjacentHTML('beforeend', '<div id=gone>');
        }"""
    )
    page.wait_for_selector("#gone .dangol-offer")
    eventually(lambda: [text for text in said if "valid selector" in text])


def test_a_strict_content_security_policy_draws_all_the_same(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    host = tracker.host
    answer(tracker, {"hero": offered({"html": "<p class=x style='color:red'>Hello</p>"})})
    policy = f"default-src 'none'; script-src {host} 'self'; connect-src {host}; style-src 'none'"
    shop.headers["Content-Security-Policy"] = policy
    shop.pages["/own.js"] = "dangol('slot', 'hero', '#slot', {height: 90, dismiss: true})"
    shop.pages["/"] = (
        f"<title>Strict</title><div id=slot></div><script src='{host}/dangol.js' data-key=wk_test></script>"
        "<script src='/own.js'></script>"
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(shop.url)
    assert page.inner_text("#slot p") == "Hello"
    assert page.evaluate("document.querySelector('#slot').style.minHeight") == "90px"
    assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]
    refused = [text for text in complaints if "Security" in text and "favicon" not in text]
    # A style attribute in an offer is refused by such a page, as its author wished; nothing of ours is.
    assert [text for text in refused if "style" not in text] == []


HTML = "<p onclick='window.hit=1'>Hello</p><img src=x onerror='window.hit=1'><script>window.hit=1</script>"


def trusting(shop: Shop, tracker: TrackerServer, policy: str) -> None:
    """A page under Trusted Types, with an offer in HTML, one without and items."""
    answer(
        tracker,
        {
            "hero": offered({"html": HTML}),
            "side": offered(BANNER, "other"),
            "also": {"items": [{"id": "p1", "url": "#p1"}], "model": "m"},
        },
    )
    shop.headers["Content-Security-Policy"] = f"require-trusted-types-for 'script'; {policy}"
    shop.pages["/own.js"] = """
        dangol('slot', 'hero', '#slot', {dismiss: true});
        dangol('slot', 'side', '#side');
        dangol('slot', 'also', '#also', {limit: 3});
        dangol('slot', 'hero', r => { window.got = 1; r.viewed(document.body) });
    """
    shop.pages["/"] = (
        "<div id=slot>kept</div><div id=side></div><div id=also></div>"
        f"<script src='{tracker.host}/dangol.js' data-key=wk_test></script><script src=/own.js></script>"
    )


def test_under_trusted_types_offers_are_drawn_by_the_policy_dangol(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    trusting(shop, tracker, "trusted-types dangol")
    page.goto(shop.url)
    assert page.inner_text("#slot p") == "Hello"
    assert page.inner_text("#side strong") == "Ten % off"
    assert page.inner_text("#also li") == "p1"
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert not re.search("onclick|onerror|script", page.inner_html("#slot"))
    assert [text for text in complaints if "rusted" in text] == []


@pytest.mark.parametrize("policy", ["trusted-types 'none'", "trusted-types other"])
def test_trusted_types_that_do_not_name_us_leave_the_page_as_it_is(
    shop: Shop, page: Page, tracker: TrackerServer, policy: str
) -> None:
    trusting(shop, tracker, policy)
    page.goto(shop.url)
    eventually(lambda: page.evaluate("window.got"))
    page.wait_for_timeout(200)
    assert page.inner_text("#slot") == "kept"
    page.evaluate("dangol('track', 'Still')")
    eventually(lambda: "Still" in names(tracker.unique()))


def test_under_a_nonce_the_second_file_has_it_too(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    host = tracker.host
    answer(tracker, {"hero": offered(BANNER)})
    shop.headers["Content-Security-Policy"] = f"default-src 'none'; script-src 'nonce-n1'; connect-src {host}"
    script = f"<script nonce=n1 src='{host}/dangol.js' data-key=wk_test></script>"
    shop.pages["/"] = f"<div id=slot></div>{script}<script nonce=n1>dangol('slot', 'hero', '#slot')</script>"
    page.goto(shop.url)
    assert page.inner_text("#slot strong") == "Ten % off"


def test_a_click_on_an_item_inside_an_offer_is_one_on_the_offer_too(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER, items=[{"id": "p1", "name": "Boot", "url": "#p1"}], model="m")})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    assert page.inner_text("#slot .dangol-offer .dangol-items li") == "Boot"
    page.click("#slot li a")
    eventually(lambda: {"Product Clicked", "Offer Clicked"} <= set(names(tracker.unique())))
    page.click("#slot li a")
    eventually(lambda: names(tracker.unique()).count("Product Clicked") == 2)
    assert names(tracker.unique()).count("Offer Clicked") == 1


def test_a_click_beside_the_words_of_an_offer_is_none(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered({"title": "Hello", "text": "Ten % off"})})
    shop.pages["/"] = (
        shop.page("dangol('slot', 'hero', '#slot')") + "<style>.dangol-offer { padding: 40px }</style>"
    )
    page.goto(shop.url)
    page.wait_for_selector("#slot strong")
    box = page.evaluate(
        "(r => [r.x, r.y, r.width, r.height])(document.querySelector('#slot p').getBoundingClientRect())"
    )
    page.mouse.click(box[0] + box[2] - 5, box[1] + box[3] / 2)  # in the paragraph, far from its words
    for below in (3, 35):
        page.mouse.click(box[0] + box[2] - 5, box[1] + box[3] + below)  # the margin, the padding
    page.evaluate("dangol('track', 'Then')")
    eventually(lambda: "Then" in names(tracker.unique()))
    assert "Offer Clicked" not in names(tracker.unique())
    page.click("#slot p", position={"x": 10, "y": 10})
    eventually(lambda: "Offer Clicked" in names(tracker.unique()))


@pytest.mark.parametrize("wanted", ["button", "img"])
def test_where_there_is_something_to_press_words_beside_it_are_no_click(
    shop: Shop, page: Page, tracker: TrackerServer, wanted: str
) -> None:
    html = "<p>Ten % off</p><button>Tell me</button><p><img src=/art.svg width=50 height=50></p>"
    shop.pages["/art.svg"] = PICTURE
    answer(tracker, {"hero": offered({"html": html})})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot', {dismiss: true})")
    page.goto(shop.url)
    page.click("#slot p", position={"x": 10, "y": 10})
    page.evaluate("dangol('track', 'Then')")
    eventually(lambda: "Then" in names(tracker.unique()))
    assert "Offer Clicked" not in names(tracker.unique())
    page.click(f"#slot {wanted}:not(.dangol-dismiss)")
    eventually(lambda: "Offer Clicked" in names(tracker.unique()))


def test_a_link_opened_in_a_new_tab_is_a_click(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered({**BANNER, "text": "More"}, items=[{"id": "p1", "url": "#p1"}])})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    page.click("#slot strong", button="right")
    page.evaluate("dangol('track', 'Then')")
    eventually(lambda: "Then" in names(tracker.unique()))
    assert "Offer Clicked" not in names(tracker.unique())
    page.click("#slot strong", button="middle")
    eventually(lambda: "Offer Clicked" in names(tracker.unique()))
    assert "Product Clicked" not in names(tracker.unique())
    page.click("#slot li a", button="middle")
    eventually(lambda: "Product Clicked" in names(tracker.unique()))
    assert names(tracker.unique()).count("Offer Clicked") == 1


@pytest.mark.parametrize(
    ("content", "options", "label"),
    [
        ({"html": "<div><h2>Warm <i>boots</i></h2><p>Now</p></div>"}, "{}", "Warm boots"),
        ({"title": "Ten % off"}, "{}", "Ten % off"),
        ({"html": "<p>Now</p>"}, "{}", "Offer"),
        ({"html": "<p>Now</p>"}, "{label: 'Angebot'}", "Angebot"),
    ],
)
def test_an_offer_is_a_region_with_a_name(
    shop: Shop, page: Page, tracker: TrackerServer, content: dict[str, Any], options: str, label: str
) -> None:
    answer(tracker, {"hero": offered(content)})
    page.goto(shop.url)
    page.evaluate(f"dangol('slot', 'hero', '#slot', {options})")
    page.get_by_role("region", name=label, exact=True).wait_for()


@pytest.mark.parametrize("attribute", ["aria-label=Deals", "aria-labelledby=h", "role=complementary"])
def test_a_place_that_the_page_named_itself_is_no_second_region(
    shop: Shop, page: Page, tracker: TrackerServer, attribute: str
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')").replace("id=slot", f"id=slot {attribute}")
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer")
    assert page.locator("#slot [role], #slot [aria-label]").count() == 0


def test_a_picture_beside_its_name_is_not_read_out(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    items = [{"id": "p1", "name": "Boot", "url": "#p1", "image": "/p1.svg"}]
    content = {"title": "Ten % off", "image": "/art.svg", "link": "#offer"}
    answer(tracker, {"hero": offered(content, items=items, model="m")})
    shop.pages["/art.svg"] = shop.pages["/p1.svg"] = PICTURE
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    page.get_by_role("link", name="Boot", exact=True).wait_for()
    assert page.get_by_role("link", name="Ten % off", exact=True).count() == 1
    assert page.evaluate("[...document.querySelectorAll('#slot img')].map(i => i.getAttribute('alt'))") == [
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("lang", "options", "shown"),
    [
        ("de", "{currency: 'EUR'}", ["49,90\xa0€", "7,00\xa0$", "49.9 net"]),
        ("ko", "{currency: 'KRW'}", ["₩50", "US$7.00", "49.9 net"]),
        ("de", "{}", ["49.9", "7,00\xa0$", "49.9 net"]),
        ("de", "{currency: 'pounds'}", ["49.9", "7,00\xa0$", "49.9 net"]),
        ("en_US", "{currency: 'EUR'}", ["49.9", "7", "49.9 net"]),
    ],
)
def test_prices_have_a_currency_where_one_is_known(
    shop: Shop, page: Page, tracker: TrackerServer, lang: str, options: str, shown: list[str]
) -> None:
    items = [
        {"id": "a", "price": 49.9},
        {"id": "b", "price": 7, "currency": "USD"},
        {"id": "c", "price": "49.9 net"},
    ]
    answer(tracker, {"also": {"items": items, "model": "m"}})
    page.goto(shop.url)
    page.evaluate(f"document.documentElement.lang = '{lang}'; dangol('slot', 'also', '#slot', {options})")
    page.wait_for_selector("#slot li")
    assert page.evaluate("[...document.querySelectorAll('#slot b')].map(b => b.textContent)") == shown


def test_a_page_without_slots_loads_no_second_file(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.url)
    tracker.wait_for(1)
    assert not [url for url in asked if url.endswith("dangol-slots.js")]
    page.evaluate("dangol('slot', 'hero', '#slot')")
    eventually(lambda: [url for url in asked if url.endswith("dangol-slots.js")])


@pytest.mark.redis
def test_a_cap_holds_across_pages_and_tabs(
    shop: Shop, context: BrowserContext, tracker: TrackerServer, tmp_path: Path, redis_url: str, clock: Clock
) -> None:
    stage = stage_of(
        tmp_path, redis_url, Site(id="default", write_key="wk_test", secret_key="sk_test"), clock
    )
    campaign = {
        "name": "Twice a day",
        "status": "live",
        "slot": "hero",
        "caps": {"limit": 2, "per": "day"},
        "creatives": [{"id": "a", "kind": "html", "content": "<b>Ten</b><script>x</script>"}],
    }
    assert stage.call("PUT", "/v1/campaigns/c", json=campaign).status_code == 200
    shop.pages["/"] = shop.page(
        "dangol('slot', 'hero', '#slot'); dangol('slot', 'hero', r => { window.got = !!r.offer })"
    )
    with serving(stage.app) as url:
        (tracker.folder / "web.url").write_text(url)
        first, second = context.new_page(), context.new_page()
        shown = []
        for tab in (first, second, first, second):
            tab.goto(shop.url)
            tab.wait_for_function("window.got !== undefined")
            shown.append(tab.evaluate("got"))
        assert shown == [True, True, False, False]
        assert first.inner_text("#slot") == "kept"
        clock.advance(DAY_SECONDS)
        first.goto(shop.url)
        first.wait_for_selector("#slot .dangol-offer b")
        assert not re.search("script", first.inner_html("#slot"))
