"""Consent in a real browser: what is sent and stored before it, after it, and when it is taken back."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.snippet_pages import Shop, eventually, names
from tests.support.tracker_server import TrackerServer
from tracker.event import Event

pytestmark = pytest.mark.browser

QUIET_SECONDS = 0.5


def stored(page: Page) -> tuple[list[str], list[str]]:
    """Names of the cookies, and of what is in storage but for events that wait to be sent."""
    kept: list[str] = page.evaluate("Object.keys(localStorage).filter(name => !name.startsWith('dangol_e'))")
    return [cookie["name"] for cookie in page.context.cookies()], sorted(kept)


def nameless(event: Event) -> bool:
    return (event.visitor or "")[0] == "~" and event.user is None


def bodies(page: Page) -> list[dict[str, Any]]:
    """Every message that the page sends from now on."""
    sent: list[dict[str, Any]] = []
    page.on(
        "request", lambda request: request.post_data and sent.extend(request.post_data_json.get("batch", []))
    )
    return sent


@pytest.mark.parametrize("beside", ["before", "after"])
def test_a_refusal_beside_init_holds_for_the_first_view(
    shop: Shop, page: Page, tracker: TrackerServer, beside: str
) -> None:
    shop.pages["/"] = shop.page("dangol('consent', {analytics: false}); dangol('track', 'X')")
    if beside == "before":
        shop.pages["/"] = shop.pages["/"].replace(
            "dangol('init'", "dangol('consent',{analytics:false});dangol('init'"
        )
    sent = bodies(page)
    page.goto(shop.url)
    events = tracker.wait_for(2)
    time.sleep(QUIET_SECONDS)
    assert names(events)[0] == "page" and names(events)[-1] == "X"
    assert all(map(nameless, events))
    assert not any("v" in message or "userId" in message for message in sent)
    assert stored(page) == ([], ["dangol_c"])


def test_a_refusal_by_a_visitor_who_is_known_holds_for_the_first_view_and_erases_them(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    page.goto(shop.url)
    page.evaluate("dangol('identify', 'u1')")
    known = tracker.wait_for(2)[0].visitor
    shop.pages["/next"] = shop.page("dangol('consent', {analytics: false}); dangol('track', 'X')")
    page.goto(shop.url + "/next")
    view, said, event = tracker.wait_for(5)[2:]
    assert (view.type, said.type, said.visitor, event.name) == ("page", "consent", known, "X")
    assert nameless(view) and nameless(event)
    assert stored(page) == ([], ["dangol_c"])


def test_cookieless_until_granted(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    shop.pages["/"] = shop.page("dangol('track', 'Before')", init="'wk_test',{consent:'cookieless'}")
    sent = bodies(page)
    page.goto(shop.url)
    assert all(map(nameless, tracker.wait_for(2)))
    assert stored(page) == ([], [])
    assert not any("v" in message for message in sent)
    page.evaluate("dangol('consent', {analytics: true}); dangol('track', 'After')")
    said, after = tracker.wait_for(4)[2:]
    assert (said.type, after.name) == ("consent", "After")
    assert said.visitor == after.visitor and not nameless(after)
    assert stored(page) == (["dangol_v"], ["dangol_c", "dangol_v"])
    page.goto(shop.url)
    assert {event.visitor for event in tracker.wait_for(6)[4:]} == {after.visitor}


def test_what_a_cookieless_page_cannot_send_is_not_stored(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    shop.pages["/"] = shop.page("dangol('track', 'Before')", init="'wk_test',{consent:'cookieless'}")
    (tracker.folder / "down").touch()
    page.goto(shop.url)
    time.sleep(QUIET_SECONDS)
    assert page.evaluate("Object.keys(localStorage)") == []
    assert page.context.cookies() == []


def test_nothing_until_granted_and_then_what_came_before(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    shop.pages["/"] = shop.page(
        "dangol('track', 'Before'); dangol('slot', 'a', () => { window.got = 1 })",
        init="'wk_test',{consent:'required'}",
    )
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    page.goto(shop.url)
    page.evaluate("history.pushState({}, '', '/other'); dangol('identify', 'u1')")
    time.sleep(QUIET_SECONDS)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide')); dispatchEvent(new Event('online'))")
    time.sleep(QUIET_SECONDS)
    assert tracker.events() == [] and "POST" not in requests
    assert stored(page) == ([], [])
    assert page.evaluate("Object.keys(localStorage)") == []
    page.evaluate("dangol('consent', {analytics: true})")
    events = tracker.wait_for(4)
    assert names(events) == ["page", "Before", "identify", "consent"]
    assert len({event.visitor for event in events}) == 1
    page.wait_for_function("window.got")
    assert stored(page) == (["dangol_v"], ["dangol_c", "dangol_u", "dangol_v"])
    page.goto(shop.url + "/next")
    assert len(tracker.wait_for(5)) == 5  # what was granted holds on the next page


def test_a_page_that_is_left_before_consent_leaves_nothing(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    shop.pages["/"] = shop.page("dangol('track', 'Before')", init="'wk_test',{consent:'required'}")
    page.goto(shop.url)
    page.goto("about:blank")
    page.goto(shop.url)
    page.evaluate("dangol('consent', {analytics: false})")
    time.sleep(QUIET_SECONDS)
    assert tracker.events() == []
    assert stored(page) == ([], ["dangol_c"])


def test_where_consent_is_required_a_withdrawal_is_the_last_event(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    shop.pages["/"] = shop.page("dangol('consent', {analytics: true})", init="'wk_test',{consent:'required'}")
    page.goto(shop.url)
    known = tracker.wait_for(2)[0].visitor
    page.evaluate("dangol('consent', {analytics: false}); dangol('track', 'X'); dangol('slot', 'a', () => 0)")
    page.evaluate("history.pushState({}, '', '/b'); dangol('page')")
    time.sleep(QUIET_SECONDS)
    assert [(event.type, event.visitor) for event in tracker.unique()][2:] == [("consent", known)]
    assert tracker.asked() == {}
    assert stored(page) == ([], ["dangol_c"])
    page.goto(shop.url + "/none")
    eventually(lambda: names(tracker.unique()).count("page") == 2)


def test_a_site_that_asks_holds_with_an_attribute_too(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    script = f"<script src='{tracker.host}/dangol.js' data-key=wk_test data-consent=required></script>"
    shop.pages["/"] = script
    page.goto(shop.url)
    time.sleep(QUIET_SECONDS)
    assert tracker.events() == []
    page.evaluate("dangol('consent', {analytics: true})")
    assert names(tracker.wait_for(2)) == ["page", "consent"]
