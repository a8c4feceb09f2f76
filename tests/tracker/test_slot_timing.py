"""When a slot is filled: in time, words first, without delaying load, and again on a page that came back."""

import json
import time

import pytest
from playwright.sync_api import Page, Route

from tests.support.snippet_pages import BANNER, Shop, answer, eventually, names, offered
from tests.support.tracker_server import TrackerServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("late", ["**/v1/personalize", "**/dangol-slots.js"])
def test_what_comes_after_the_timeout_is_not_shown_and_not_counted(
    shop: Shop, page: Page, tracker: TrackerServer, late: str
) -> None:
    answer(tracker, {"hero": offered(BANNER), "own": offered(BANNER, "other")})

    def hold(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    page.route(late, hold)
    call = "dangol('slot', 'hero', '#slot'); dangol('slot', 'own', r => { window.got = String(r.offer) })"
    shop.pages["/"] = shop.page(call, init="'wk_test'")
    page.goto(shop.url)
    page.wait_for_function("window.got")
    page.wait_for_timeout(2_500)
    assert page.evaluate("got") == "undefined"
    assert page.inner_text("#slot") == "kept"
    assert names(tracker.unique()) == ["page"]


def test_a_slot_may_say_how_long_it_waits(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.route("**/v1/personalize", lambda route: (time.sleep(1.5), route.continue_()))
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot', {timeout: 20000})", init="'wk_test'")
    page.goto(shop.url)
    page.wait_for_selector("#slot .dangol-offer")


def test_words_come_before_the_picture_and_a_picture_alone_when_it_is_there(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    page.add_init_script(
        "HTMLImageElement.prototype.decode = () => new Promise(done => { window.decoded = done })"
    )
    answer(
        tracker, {"hero": offered({"title": "Words", "image": "/a.svg"}), "two": offered({"image": "/b.svg"})}
    )
    shop.pages["/"] = (
        shop.page("dangol('slot', 'hero', '#slot'); dangol('slot', 'two', '#two')") + "<p id=two>own</p>"
    )
    page.goto(shop.url)
    page.wait_for_selector("#slot strong")
    assert page.inner_text("#two") == "own"
    page.evaluate("decoded()")
    page.wait_for_selector("#two .dangol-offer", state="attached")


def test_the_second_file_does_not_hold_up_the_load_event(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    held: list[Route] = []
    page.route("**/dangol-slots.js", lambda route: held.append(route))
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url, wait_until="load", timeout=8_000)
    eventually(lambda: page.evaluate("document.readyState") == "complete" and held)
    held[0].continue_()
    page.wait_for_selector("#slot .dangol-offer")


def test_a_page_that_comes_back_is_filled_again(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered({"title": "First"}, token="t1")})
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    eventually(lambda: "Offer Viewed" in names(tracker.unique()))
    answer(tracker, {"hero": offered({"title": "Second"}, token="t2")})
    came_back = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    page.evaluate(came_back)
    page.wait_for_selector("#slot :text('Second')")
    eventually(lambda: names(tracker.unique()).count("Offer Viewed") == 2)
    answer(tracker, {"hero": {"offer": None}})
    page.evaluate(came_back)
    page.wait_for_function("document.querySelector('#slot').innerText == 'kept'")
    assert page.locator(".dangol-offer").count() == 0


@pytest.mark.parametrize("late", ["**/v1/personalize", "**/dangol-slots.js"])
def test_the_server_hears_that_an_offer_came_too_late(
    shop: Shop, page: Page, tracker: TrackerServer, late: str
) -> None:
    answer(tracker, {"hero": offered(BANNER, token="t1"), "none": {"offer": None}})
    told: list[str] = []
    page.on("request", lambda each: told.append(each.post_data or "") if "/missed" in each.url else None)
    page.route(late, lambda route: (time.sleep(1.5), route.continue_()))
    shop.pages["/"] = shop.page(
        "dangol('slot', 'hero', '#slot'); dangol('slot', 'none', 'h1')", init="'wk_test'"
    )
    page.goto(shop.url)
    eventually(lambda: page.evaluate("1") and told)
    page.wait_for_timeout(300)
    visitor = page.context.cookies()[0]["value"]
    assert [json.loads(each) for each in told] == [{"visitor": visitor, "token": "t1"}]


def test_an_offer_that_is_shown_is_not_told_as_missed(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    told: list[str] = []
    page.on("request", lambda each: told.append(each.url) if "/missed" in each.url else None)
    shop.pages["/"] = shop.page("dangol('slot', 'hero', '#slot')")
    page.goto(shop.url)
    eventually(lambda: "Offer Viewed" in names(tracker.unique()))
    assert told == []
