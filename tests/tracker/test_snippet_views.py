"""What counts as a page view, in a real browser: prerendering, navigation, titles, order, long addresses."""

import time

import pytest
from playwright.sync_api import Page

from tests.support.browser import unattended
from tests.support.snippet_pages import Shop, eventually, names
from tests.support.tracker_server import TrackerServer
from tracker.event import Event

pytestmark = pytest.mark.browser

QUIET_SECONDS = 0.6
"""Longer than a view waits for its title: what has not come by then does not come."""


def paths(shop: Shop, events: list[Event]) -> list[str]:
    return [event.url.removeprefix(shop.url) for event in events if event.type == "page"]


def settled(tracker: TrackerServer, count: int) -> list[Event]:
    """The events, once ``count`` are there and no other comes."""
    tracker.wait_for(count)
    time.sleep(QUIET_SECONDS)
    return tracker.unique()


def test_a_prerendered_page_counts_when_it_is_shown(shop: Shop, tracker: TrackerServer) -> None:
    rules = '{"prerender": [{"source": "list", "urls": ["/next", "/never"], "eagerness": "immediate"}]}'
    go = "onhashchange = () => document.querySelector('a').click(); setTimeout(() => { location.hash = 'go' }, 1800)"
    shop.pages["/first"] = (
        f"<a href=/next>next</a><script type=speculationrules>{rules}</script><script>{go}</script>"
    )
    told = "fetch('/rendered?' + document.prerendering);"
    for path in ("/next", "/never"):
        shop.pages[path] = shop.page(told, title=path)
    begun = time.time() * 1000
    with unattended(shop.url + "/first"):
        eventually(lambda: shop.requested.count("/rendered?true") == 2)  # both ran their scripts unseen
        time.sleep(QUIET_SECONDS)
        assert tracker.unique() == []
        events = settled(tracker, 1)
    assert paths(shop, events) == ["/next"]
    assert shop.requested.count("/next") == 1  # what was shown is what was prerendered
    assert events[0].referrer == shop.url + "/first"
    assert events[0].ts > begun + 1_800  # when it was shown


def test_a_page_out_of_the_back_forward_cache_counts_again(shop: Shop, tracker: TrackerServer) -> None:
    shop.pages["/a"] = shop.page("setTimeout(() => { location.href = '/b' }, 600)")
    shop.pages["/b"] = shop.page("setTimeout(() => history.back(), 600)")
    with unattended(shop.url + "/a"):
        events = settled(tracker, 3)
    assert shop.requested.count("/a") == 1
    assert paths(shop, events) == ["/a", "/b", "/a"]


class TestNavigation:
    def test_a_map_that_writes_its_place_into_the_address_is_one_view(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/map")
        tracker.wait_for(1)
        page.evaluate("for (let n = 0; n < 10; n++) history.replaceState({}, '', '/map?lat=' + n + '#z' + n)")
        assert paths(shop, settled(tracker, 1)) == ["/map"]
        page.evaluate("history.replaceState({}, '', '/list?lat=9')")
        assert paths(shop, settled(tracker, 2)) == ["/map", "/list?lat=9"]

    def test_a_page_that_removes_utm_from_its_address_can_bounce(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/landing?utm_source=x&utm_medium=cpc")
        tracker.wait_for(1)
        page.evaluate("history.replaceState(null, '', location.pathname)")
        assert paths(shop, settled(tracker, 1)) == ["/landing?utm_source=x&utm_medium=cpc"]
        page.evaluate("location.hash = '#part'")
        assert paths(shop, settled(tracker, 1)) == ["/landing?utm_source=x&utm_medium=cpc"]

    def test_what_pushstate_makes_counts_on_path_and_query(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/list")
        tracker.wait_for(1)
        for address in ("/list?color=red", "/list?color=red", "/list?color=red#top", "/item"):
            page.evaluate(f"history.pushState({{}}, '', '{address}')")
            time.sleep(QUIET_SECONDS)
        page.go_back()
        page.go_back()
        assert paths(shop, settled(tracker, 4)) == [
            "/list",
            "/list?color=red",
            "/item",
            "/list?color=red#top",
        ]

    @pytest.mark.parametrize("option", ["hash: true", "data-hash"])
    def test_routes_behind_the_hash_are_an_option(
        self, shop: Shop, page: Page, tracker: TrackerServer, option: str
    ) -> None:
        shop.pages["/"] = shop.page(init="'wk_test',{hash: true}")
        if option == "data-hash":
            shop.pages["/"] = (
                f"<script async src='{tracker.host}/dangol.js' data-key=wk_test data-hash></script>"
            )
        page.goto(shop.url + "/#/start")
        tracker.wait_for(1)
        for route in ("#/item?id=1", "#/item?id=1", "#/cart"):
            page.evaluate(f"location.hash = '{route}'")
            time.sleep(QUIET_SECONDS)
        page.evaluate("history.replaceState({}, '', '#/cart?step=2')")
        assert paths(shop, settled(tracker, 3)) == ["/#/start", "/#/item?id=1", "/#/cart"]

    def test_an_attribute_that_says_false_is_no(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        key = "data-key=wk_test data-auto=false data-demo"
        shop.pages["/"] = f"<script src='{tracker.host}/dangol.js' {key}></script>"
        page.goto(shop.url)
        page.evaluate("dangol('track', 'X')")
        (event,) = settled(tracker, 1)
        assert (event.name, event.context["demo"]) == ("X", True)

    def test_a_click_that_navigates_is_view_then_event_with_the_new_title(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/a")
        tracker.wait_for(1)
        page.evaluate(
            """history.pushState({}, '', '/p7'); dangol('track', 'Product Viewed', {product_id: 'p7'});
            setTimeout(() => { document.title = 'Boot' }, 120)"""
        )
        _, view, event = settled(tracker, 3)
        assert (view.type, view.url, view.title) == ("page", shop.url + "/p7", "Boot")
        assert view.referrer == shop.url + "/a"
        assert (event.name, event.url) == ("Product Viewed", shop.url + "/p7")
        assert view.ts <= event.ts

    def test_the_product_of_a_navigation_is_what_a_slot_asks_for(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/a")
        tracker.wait_for(1)
        page.evaluate(
            """history.pushState({}, '', '/p7'); dangol('track', 'Product Viewed', {product_id: 'p7'});
            setTimeout(() => dangol('slot', 'also', () => { window.got = 1 }), 100)"""
        )
        page.wait_for_function("window.got")
        assert tracker.asked()["page"] == {"url": shop.url + "/p7", "item": "p7"}

    def test_a_view_without_a_new_title_is_sent_soon_and_one_that_leaves_at_once(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/a")
        tracker.wait_for(1)
        page.evaluate("history.pushState({}, '', '/b')")
        tracker.wait_for(2)
        page.evaluate(
            "history.pushState({}, '', '/c'); history.pushState({}, '', '/d'); location.href = 'about:blank'"
        )
        events = settled(tracker, 4)
        assert paths(shop, events) == ["/a", "/b", "/c", "/d"]
        assert {event.title for event in events} == {"Shop"}

    def test_a_router_that_corrects_its_address_makes_one_view(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/a")
        tracker.wait_for(1)
        page.evaluate(
            "history.pushState({}, '', '/account'); history.replaceState({}, '', '/login?from=account')"
        )
        page.evaluate("document.title = 'Sign in'")
        events = settled(tracker, 2)
        assert paths(shop, events) == ["/a", "/login?from=account"]
        assert events[1].title == "Sign in"


def test_a_view_and_an_event_of_one_millisecond_keep_their_order(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    page.add_init_script("let now = Date.now(); Date.now = () => now")
    page.goto(shop.url + "/a")
    tracker.wait_for(1)
    page.evaluate("for (let n = 0; n < 12; n++) { dangol('page'); dangol('track', 'Event ' + n) }")
    events = tracker.wait_for(25)
    assert names(events) == ["page", *(name for n in range(12) for name in ("page", f"Event {n}"))]
    assert len({event.ts for event in events[1:]}) == 1


@pytest.mark.parametrize("size", [3_000, 60_000])
def test_a_long_address_is_cut_and_the_loss_is_named(
    shop: Shop, page: Page, tracker: TrackerServer, size: int
) -> None:
    page.goto(shop.url + "/a?q=" + "x" * 2_500)
    tracker.wait_for(1)
    page.evaluate(
        f"history.pushState({{}}, '', '/b?q=' + 'y'.repeat({size})); document.title = 't'.repeat({size})"
    )
    first, second = settled(tracker, 2)
    assert (len(first.url), len(second.url), len(second.title), len(second.referrer)) == (
        2_048,
        2_048,
        512,
        2_048,
    )
    assert {(each.field, each.reason) for each in second.losses} == {
        ("url", "cut"),
        ("referrer", "cut"),
        ("title", "cut"),
    }
    eventually(lambda: page.evaluate("+localStorage.dangol_l || 0") == 0)


def test_a_device_with_a_touch_screen_says_so(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'maxTouchPoints', {get: () => 5})")
    page.goto(shop.url)
    assert tracker.wait_for(1)[0].context["touch"] == 5
