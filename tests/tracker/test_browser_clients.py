"""The official browser libraries, in a real browser, against a running tracker."""

import mimetypes
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from tests.support.snippet_pages import Shop, names
from tests.support.tracker_server import TrackerServer
from tracker.admission.proof import proof_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def libraries(page: Page, shop: Shop, modules: Path) -> str:
    """The address on the shop's own origin where the npm packages are."""

    def answer(route: Route) -> None:
        file = modules / route.request.url.partition("/npm/")[2]
        route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])

    page.route(f"{shop.url}/npm/**", answer)
    return "/npm"


def test_analytics_next(page: Page, shop: Shop, libraries: str, tracker: TrackerServer) -> None:
    """It reads its settings from the tracker first (cdnURL), then posts to the short paths."""
    shop.pages[
        "/"
    ] = f"""<title>Shop</title><script src="{libraries}/@segment/analytics-next/dist/umd/index.js"></script><script>
        window.client = AnalyticsNext.AnalyticsBrowser.load(
            {{writeKey: 'wk_test', cdnURL: '{tracker.host}'}},
            {{integrations: {{'Segment.io': {{apiHost: '127.0.0.1:{tracker.port}/v1', protocol: 'http'}}}}}});
        client.page(); client.track('Product Viewed', {{product_id: 'p7'}}); client.identify('u1', {{plan: 'gold'}});
        </script>"""
    with page.expect_response(f"{tracker.host}/v1/projects/wk_test/settings") as settings:
        page.goto(shop.url + "/")
    assert settings.value.json()["integrations"]["Segment.io"]["apiKey"] == "wk_test"
    events = {event.name or event.type: event for event in tracker.wait_for(3)}
    assert set(events) == {"page", "Product Viewed", "identify"}
    assert (events["page"].url, events["page"].title) == (shop.url + "/", "Shop")
    assert events["Product Viewed"].props == {"product_id": "p7"}
    assert (events["identify"].user, events["identify"].traits) == ("u1", {"plan": "gold"})
    assert len({event.visitor for event in events.values()}) == 1
    assert events["page"].ua.startswith("Mozilla/")


@pytest.mark.parametrize("method", ["post", "get"])
def test_snowplow_browser_tracker(
    page: Page, shop: Shop, libraries: str, tracker: TrackerServer, method: str
) -> None:
    script = f"{libraries}/@snowplow/browser-tracker/dist/index.umd.min.js"
    shop.pages["/"] = f"""<title>Shop</title><script src="{script}"></script><script>
        const snowplow = snowplowBrowserTracking;
        snowplow.newTracker('sp', '{tracker.host}', {{appId: 'default', eventMethod: '{method}', bufferSize: 1}});
        snowplow.setUserId('u1');
        snowplow.trackPageView();
        snowplow.trackStructEvent({{category: 'shop', action: 'Search', label: 'boots'}});
        </script>"""
    page.goto(shop.url + "/")
    events = tracker.wait_for(2)
    assert sorted(names(events)) == ["Search", "page"]
    assert {event.user for event in events} == {"u1"}
    first = next(event for event in events if event.type == "page")
    assert (first.url, first.title, first.source) == (shop.url + "/", "Shop", "snowplow")
    assert len({event.visitor for event in events}) == 1


def test_matomos_own_script_by_its_requests(page: Page, shop: Shop, tracker: TrackerServer) -> None:
    """Its script is in no package registry, so its three ways to send are made here, in a real browser: a picture,
    a beacon with a form (its usual way), and the queue of requests as one JSON document."""
    hit = "idsite=1&rec=1&r=123456&h=1&m=2&s=3&_id=0123456789abcdef&_idn=1&send_image=0&pv_id=aBcDeF&pf_net=1"
    uadata = "%7B%22fullVersionList%22%3A%5B%5D%2C%22mobile%22%3Afalse%7D"
    shop.pages["/"] = f"""<title>Shop</title><script>
        const base = "{hit}&uadata={uadata}&url=" + encodeURIComponent(location.href);
        const form = {{type: 'application/x-www-form-urlencoded; charset=UTF-8'}};
        const to = '{tracker.host}/matomo.php';
        new Image(1, 1).src = to + '?' + base + '&action_name=picture';
        navigator.sendBeacon(to, new Blob([base + '&action_name=beacon'], form));
        const queue = [base + '&action_name=first', base + '&e_c=Shop&e_a=Search'].map(hit => '?' + hit);
        navigator.sendBeacon(to, new Blob([JSON.stringify({{requests: queue, send_image: 0}})], form));
        </script>"""
    page.goto(shop.url + "/")
    events = tracker.wait_for(4)
    assert sorted(event.title or event.name for event in events) == ["Search", "beacon", "first", "picture"]
    assert {event.visitor for event in events} == {"0123456789abcdef"}
    assert {event.url for event in events} == {shop.url + "/"}
    assert {event.source for event in events} == {"matomo"}


def test_a_page_of_matomos_needs_another_host_and_nothing_else(
    page: Page, shop: Shop, tracker: TrackerServer
) -> None:
    """Matomo's usual lines, with its cookie of an earlier visit; what sets comes last and holds all the same."""
    shop.pages["/"] = f"""<title>Shop</title><a id=out href="https://elsewhere.example/x">out</a>
        <a id=file href="/price list.pdf">file</a><script>
        document.cookie = '_pk_id.1.1fff=0123456789abcdef.1790000000.;path=/';
        document.addEventListener('click', event => event.preventDefault());
        var _paq = window._paq = window._paq || [];
        _paq.push(['setEcommerceView', 'p7', 'Boot', ['shoes', 'boots'], 59.9]);
        _paq.push(['trackPageView']);
        _paq.push(['enableLinkTracking']);
        _paq.push(['trackEvent', 'Shop', 'Size chosen', 'p7', 42]);
        _paq.push(['trackSiteSearch', 'boots', false, 3]);
        _paq.push(['noSuchCommand', 1]);
        _paq.push(['addEcommerceItem', 'p7', 'Boot', 'shoes', 59.9, 2]);
        _paq.push(['trackEcommerceOrder', 'o1', 119.8, 110, 9.8]);
        _paq.push(['setUserId', 'kim', '{proof_of("sk_test", "kim")}']);
        _paq.push(['setTrackerUrl', '{tracker.host}/matomo.php']);
        _paq.push(['setSiteId', '1']);
        </script><script async src="{tracker.host}/matomo.js"></script>"""
    page.goto(shop.url + "/")
    tracker.wait_for(5)
    page.click("#out")
    page.click("#file")
    page.evaluate("_paq.push(['trackGoal', 3, 5], [function () { this.trackEvent('Shop', 'Called') }])")
    events = tracker.wait_for(9)
    found = {event.name or event.type: event for event in events}
    wanted = {"page", "Product Viewed", "Size chosen", "Products Searched", "Order Completed"}
    assert set(found) == wanted | {"Link Clicked", "File Downloaded", "Goal 3", "Called"}
    assert {(event.user, event.proven) for event in events} == {("kim", True)}
    assert {event.visitor for event in events} == {"0123456789abcdef"}
    assert {(event.source, event.url, event.title) for event in events} == {
        ("matomo", shop.url + "/", "Shop")
    }
    assert found["Product Viewed"].props == {
        "product_id": "p7",
        "name": "Boot",
        "price": 59.9,
        "category": "shoes",
    }
    order = found["Order Completed"].props
    assert (order["order_id"], order["revenue"], order["products"][0]["quantity"]) == ("o1", 119.8, 2)


def test_matomos_consent_and_opt_out_hold(page: Page, shop: Shop, tracker: TrackerServer) -> None:
    shop.pages["/"] = f"""<title>Shop</title><script>
        var _paq = [['trackPageView'], ['requireConsent'], ['disableCookies'], ['setSiteId', 1]];
        </script><script src="{tracker.host}/matomo.js"></script>"""
    page.goto(shop.url + "/")
    page.evaluate("_paq.push(['trackEvent', 'Shop', 'Waits'])")
    assert tracker.events() == []
    page.evaluate("_paq.push(['setConsentGiven'])")
    assert {event.name for event in tracker.wait_for(2)} == {"", "Waits"}
    assert page.evaluate("document.cookie") == ""
    page.evaluate("_paq.push(['optUserOut'], ['trackEvent', 'Shop', 'Never'])")
    page.evaluate("_paq.push(['forgetUserOptOut'], ['trackEvent', 'Shop', 'Again'])")
    assert {event.name for event in tracker.wait_for(3)} == {"", "Waits", "Again"}
