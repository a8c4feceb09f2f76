"""Page content whose elements bear the names that the scripts read ("DOM clobbering") changes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.support.machine import ROOT
from tests.support.snippet_pages import BANNER, LOADER, Shop, answer, eventually, names, offered
from tests.support.tracker_server import TrackerServer
from tracker.browser import snippet

pytestmark = [pytest.mark.browser, pytest.mark.slow]
EVIL = "http://evil.example/dangol.js"
FOLDER = Path(snippet.__file__).parent
READ = sorted(
    {
        name
        for script in ("snippet", "slots", "matomo")
        for name in re.findall(
            r"(?:\b(?:doc|page|win|data|script|target|node|early|loc|given)\.|\bown\(')(\w+)",
            "".join(
                path.read_text()
                for path in FOLDER.glob(f"{script}*/*.js" if script == "slots" else f"{script}.js")
            ),
        )
    }
    | {
        "activeElement",
        "all",
        "baseURI",
        "body",
        "defaultView",
        "forms",
        "getElementById",
        "images",
        "scripts",
    }
    | {
        "_paq",
        "crypto",
        "dangol",
        "fetch",
        "history",
        "localStorage",
        "location",
        "navigator",
        "screen",
        "trustedTypes",
    }
)
"""Every name that the scripts read, and what they might."""
SHAPES = [
    "<img name={0} src={1}>",
    "<img id={0} name={0} src={1}>",
    "<form name={0} action={1}><input name=v><input name=q><input name=src value={1}></form>",
    "<form id={0}><input name=match><input name=call><input name=createPolicy><input name=forEach>"
    "<input name=dangol><input name=push></form>",
    "<a id={0} name=src href={1}></a><a id={0} name=q href={1}></a>",
    "<object id={0}></object>",
    "<embed name={0}>",
    "<iframe name={0} srcdoc='<a id=src href={1}></a>'></iframe>",
    "<iframe name={0} src='data:text/html,'></iframe>",
]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page with all requests and errors noted: none to evil, no error."""
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.resource_type} {request.url}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.unroute_all(behavior="ignoreErrors")
    assert [each for each in asked if "evil.example" in each and not each.startswith("image")] == []
    assert errors == []


def visited(page: Page, shop: Shop, tracker: TrackerServer, content: str) -> None:
    """A page with ``content`` before the snippet counts, identifies, and draws an offer."""
    answer(tracker, {"hero": offered(BANNER)})
    script = f"<script async src='{tracker.host}/dangol.js' data-key=wk_test></script>"
    shop.pages["/"] = f"<!doctype html><title>Shop</title><div id=slot></div><main>{content}</main>{script}"
    page.goto(shop.url, referer="https://search.example/")
    page.wait_for_function("typeof dangol == 'function' && dangol.v")
    page.evaluate("dangol('identify', 'u1', {email: 'a@shop.example'}); dangol('slot', 'hero', '#slot')")
    page.wait_for_selector("#slot .dangol-offer strong")
    events = tracker.wait_for(3)
    assert sorted(names(events)) == ["Offer Viewed", "identify", "page"]
    view = next(event for event in events if event.type == "page")
    assert (view.title, view.referrer) == ("Shop", "https://search.example/")
    assert page.context.cookies()[0]["value"] == view.visitor


@pytest.mark.parametrize("shape", SHAPES)
def test_elements_called_like_what_is_read_change_nothing(
    shop: Shop, page: Page, tracker: TrackerServer, shape: str
) -> None:
    visited(page, shop, tracker, "".join(shape.format(name, EVIL) for name in READ))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_loader_takes_no_element_for_the_function(
    shop: Shop, page: Page, tracker: TrackerServer, shape: str
) -> None:
    """Elements called "dangol" stand before it, and a call is queued before the snippet is there."""
    content = shape.format("dangol", EVIL)
    calls = f"{LOADER}dangol('track','Product Viewed',{{product_id:'p7'}})"
    shop.pages["/"] = content + shop.page(more=calls)
    page.goto(shop.url)
    page.wait_for_function("typeof dangol == 'function' && dangol.v")
    eventually(lambda: page.evaluate("1") and len(tracker.unique()) == 2)
    assert sorted(names(tracker.unique())) == ["Product Viewed", "page"]


def test_the_loader_is_one_text() -> None:
    """In the documentation, the desk's setup page, what ``dangol up`` says, the demo shop and the snippet's head."""
    folders = [ROOT / name for name in ("docs", "tracker", "web", "dangol")]
    paths = [ROOT / "README.md", *(path for folder in folders for path in folder.rglob("*.*"))]
    texts = [path.read_text("utf-8") for path in paths if path.suffix in (".md", ".py", ".html", ".js")]
    loaders = [line for text in texts for line in text.splitlines() if re.search(r"dangol\.q *=", line)]
    assert len(loaders) == 6
    assert [line for line in loaders if LOADER not in line] == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("queue", ["", "var _paq = window._paq = [['trackPageView'], ['setSiteId', 1]]"])
def test_matomo_js_is_led_nowhere_else_either(
    shop: Shop, page: Page, tracker: TrackerServer, shape: str, queue: str
) -> None:
    content = "".join(shape.format(name, EVIL) for name in READ)
    shop.pages["/"] = (
        f"<!doctype html><title>Shop</title><main>{content}</main><script>{queue}</script>"
        f"<script async src='{tracker.host}/matomo.js'></script><base href='{EVIL}'>"
    )
    page.goto(shop.url, referer="https://search.example/")
    page.wait_for_function("typeof _paq.push == 'function'")
    page.evaluate("_paq.push(['setSiteId', 1], ['trackEvent', 'Shop', 'Clicked', 'x'])")
    events = tracker.wait_for(2 if queue else 1)
    assert {(event.title, event.referrer) for event in events} == {("Shop", "https://search.example/")}
    assert len({event.visitor for event in events}) == 1
    assert page.context.cookies()[0]["value"].startswith(str(events[0].visitor))


@pytest.mark.parametrize("src", ["/matomo.js", "/s/matomo.js"])
def test_a_base_leads_matomo_js_nowhere_else(
    shop: Shop, page: Page, tracker: TrackerServer, src: str
) -> None:
    folder = src.removesuffix("matomo.js")
    for path in ("matomo.js", "matomo.php"):
        page.route(
            f"{shop.url}{folder}{path}",
            lambda route: route.fulfill(
                response=route.fetch(url=tracker.host + "/" + route.request.url.rpartition("/")[2])
            ),
        )
    shop.pages["/"] = (
        f"<title>Shop</title><script>var _paq = [['trackPageView'], ['setSiteId', 1]]</script>"
        f"<script async src='{src}'></script><base href='{EVIL}'>"
    )
    page.goto(shop.url)
    page.wait_for_function("!Array.isArray(_paq)")
    page.evaluate(
        f"_paq.push(['setTrackerUrl', '{folder}matomo.php'], ['trackEvent', 'Shop', 'Clicked', 'x'])"
    )
    eventually(lambda: page.evaluate("1") and len(tracker.unique()) == 2)


def by_the_shop(page: Page, shop: Shop, tracker: TrackerServer, folder: str) -> None:
    """The shop's own host hands on to the tracker what is below ``folder``."""

    def hand_on(route: Route) -> None:
        path = route.request.url.removeprefix(shop.url + folder).replace("a.js", "dangol.js")
        route.fulfill(response=route.fetch(url=f"{tracker.host}/{path}"))

    for path in ("dangol.js", "a.js", "dangol-slots.js", "v1/*"):
        page.route(f"{shop.url}{folder}{path}", hand_on)


@pytest.mark.parametrize("src", ["/dangol.js", "dangol.js", "/s/a.js"])
def test_a_base_of_the_content_sends_a_relative_address_nowhere_else(
    shop: Shop, page: Page, tracker: TrackerServer, src: str
) -> None:
    """The snippet by way of the shop's own host: its events go there too."""
    by_the_shop(page, shop, tracker, "/s/" if src.startswith("/s/") else "/")
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/"] = (
        f"<title>Shop</title><div id=slot></div><script async src='{src}' data-key=wk_test></script>"
        f"<base href='{EVIL}'>"
    )
    page.goto(shop.url)
    page.wait_for_function("typeof dangol == 'function' && dangol.v")
    page.evaluate("dangol('slot', 'hero', '#slot')")
    page.wait_for_selector("#slot .dangol-offer strong")
    eventually(lambda: page.evaluate("1") and len(tracker.unique()) == 2)
    assert sorted(names(tracker.unique())) == ["Offer Viewed", "page"]


def test_a_host_given_to_init_is_the_pages_own_too(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    by_the_shop(page, shop, tracker, "/in/")
    shop.pages["/"] = shop.page(init="'wk_test',{host:'/in'}") + f"<base href='{EVIL}'>"
    page.goto(shop.url)
    eventually(lambda: page.evaluate("1") and names(tracker.unique()) == ["page"])


def test_a_sites_own_base_still_leads_to_a_snippet_beside_it(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    script = "<base href='/'><script async src='dangol.js' data-key=wk_test></script>"
    by_the_shop(page, shop, tracker, "/")
    shop.pages["/deep/page"] = f"<title>Shop</title>{script}"
    page.goto(shop.url + "/deep/page")
    eventually(lambda: page.evaluate("1") and names(tracker.unique()) == ["page"])
