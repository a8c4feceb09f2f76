"""Automatic events, where a page asks for them, in a real browser."""

import time

import pytest
from playwright.sync_api import Page

from tests.support.snippet_pages import Shop, names
from tests.support.tracker_server import TrackerServer
from tracker.standard_events.deeds import is_own_deed, joins_visit

pytestmark = pytest.mark.browser

BODY = """<a id=out href="https://elsewhere.example/x?q=1">Else <b>where</b></a> <a id=in href="/next">next</a>
    <a id=file href="/price%20list.PDF?v=2">prices</a> <a id=mail href="mailto:kim@shop.example">mail</a>
    <form id=news action="/subscribe?token=1"><input name=id value=x><input name=email value="kim@shop.example">
    <button>go</button></form><script>document.addEventListener('click', event => {
        if (event.target.closest('a')) event.preventDefault() });
        document.addEventListener('submit', event => event.preventDefault());</script>"""


def opened(shop: Shop, page: Page, tracker: TrackerServer, init: str) -> None:
    shop.pages["/"] = shop.page(init=init) + BODY
    with page.expect_request(lambda request: "/v1/batch" in request.url):
        page.goto(shop.url)
    tracker.wait_for(1)
    time.sleep(0.5)


def test_links_files_and_forms_are_told_once_each(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    opened(shop, page, tracker, "'wk_test',{events:true}")
    for target in ("#out b", "#in", "#mail", "#file", "button"):
        page.click(target)
    events = tracker.wait_for(4)[1:]
    time.sleep(0.3)
    assert (
        names(tracker.unique())[1:] == names(events) == ["Link Clicked", "File Downloaded", "Form Submitted"]
    )
    out, file, form = (event.props for event in events)
    assert out == {"href": "https://elsewhere.example/x?q=1", "text": "Else where"}
    assert file == {"href": shop.url + "/price%20list.PDF?v=2", "file": "price list.PDF", "text": "prices"}
    assert form == {"form": "news", "action": shop.url + "/subscribe"}  # nothing of what was typed


def test_a_click_that_leaves_the_page_is_told(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    shop.pages["/"] = (
        shop.page(init="'wk_test',{events:true}") + "<a id=out href='http://localhost:1/x'>out</a>"
    )
    page.goto(shop.url)
    tracker.wait_for(1)
    time.sleep(0.5)
    page.click("#out", no_wait_after=True)
    assert names(tracker.wait_for(2)) == ["page", "Link Clicked"]


def test_a_page_that_was_not_found(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    shop.statuses["/gone"] = 404
    shop.pages["/gone"] = shop.page(init="'wk_test',{events:true}")
    page.goto(shop.url + "/gone")
    _, event = tracker.wait_for(2)
    assert (event.name, event.props) == ("Page Not Found", {"href": shop.url + "/gone"})


def test_a_page_that_asks_for_none_tells_none(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    opened(shop, page, tracker, "'wk_test'")
    for target in ("#out b", "#file", "button"):
        page.click(target)
    time.sleep(0.5)
    assert names(tracker.unique()) == ["page"]


def test_how_long_a_page_was_in_front_and_how_far_it_was_read(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    tall = "<div style='height: 4000px'>text</div>"
    shop.pages["/"] = shop.page(init="'wk_test',{events:'all'}") + tall
    shop.pages["/next"] = shop.page(init="'wk_test'")
    page.goto(shop.url)
    tracker.wait_for(1)
    page.wait_for_timeout(1_200)
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_timeout(300)
    page.evaluate("history.pushState(0, '', '/part')")
    tracker.wait_for(3)
    page.wait_for_timeout(1_500)
    page.goto(shop.url + "/next")
    events = tracker.wait_for(5)
    first, second = (event for event in events if event.name == "Page Engaged")
    assert first.props["href"] == shop.url + "/" and 1 <= first.props["seconds"] <= 60
    assert 40 <= first.props["scroll"] <= 70
    assert second.props["href"] == shop.url + "/part" and second.props["seconds"] >= 1
    assert not is_own_deed(first, "") and joins_visit(first)


def test_only_who_asks_for_it_measures_engagement(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    shop.pages["/"] = shop.page(init="'wk_test',{events:true}")
    shop.pages["/next"] = shop.page(init="'wk_test'")
    page.goto(shop.url)
    page.wait_for_timeout(1_500)
    page.goto(shop.url + "/next")
    assert names(tracker.wait_for(2)) == ["page", "page"]
