"""What the snippet keeps off the page's main thread; bench/snippet.py measures it."""

import pytest
from playwright.sync_api import Page

from tests.support.snippet_pages import Shop
from tests.support.tracker_server import TrackerServer
from tracker.browser import snippet

pytestmark = [pytest.mark.browser, pytest.mark.slow]
COUNTED = """
    let {get, set} = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
    window.cookieReads = 0;
    Object.defineProperty(Document.prototype, 'cookie', {get() { cookieReads++; return get.call(this) }, set});
"""
OLD = "delete window.cookieStore; delete Navigator.prototype.locks"
REFUSED = "CookieStore.prototype.get = () => Promise.reject(Error('refused'))"


def test_a_first_visit_does_not_wait_for_the_cookie(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    """``document.cookie`` asks another process while the page stands still."""
    page.add_init_script(COUNTED)
    page.goto(shop.url)
    first = tracker.wait_for(1)[0].visitor
    assert page.evaluate("cookieReads") == 0
    assert [(each["name"], each["value"]) for each in page.context.cookies()] == [("dangol_v", first)]


@pytest.mark.parametrize("browser_is", ["", OLD, REFUSED], ids=["new", "old", "refusing"])
def test_a_visitor_of_the_cookie_alone_is_kept(
    shop: Shop, page: Page, tracker: TrackerServer, browser_is: str
) -> None:
    """Storage is empty: the server set the cookie, or the browser forgot what scripts stored."""
    page.add_init_script(browser_is)
    page.context.add_cookies([{"name": "dangol_v", "value": "from-server", "url": shop.url}])
    page.goto(shop.url)
    assert [event.visitor for event in tracker.wait_for(1)] == ["from-server"]
    assert page.context.cookies()[0]["value"] == "from-server"


def test_functions_are_compiled_while_the_file_loads() -> None:
    for name in snippet.FILES.values():
        assert snippet.load(name).plain.startswith(b"//# allFunctionsCalledOnLoad\n")
