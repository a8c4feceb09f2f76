"""The snippet in a real browser: what a page sends, keeps and never breaks."""

import gzip
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.support.snippet_pages import Shop, answer, eventually, names
from tests.support.tracker_server import TrackerServer
from tracker.admission.proof import proof_of
from tracker.browser import snippet
from tracker.durations import DAY_SECONDS

LIMITS = {
    "snippet": 3 * 1024,
    "slots": 4700,
    "consent": 2048,
    "events": 2048,
    "debug": 1024,
    "signup": 1500,
    "matomo": 3 * 1024,
}


def test_the_snippet_stays_small() -> None:
    for name, limit in LIMITS.items():
        served = snippet.load(name)
        assert len(served.gzipped) <= limit
        assert gzip.decompress(served.gzipped) == served.plain


def test_what_is_served_was_made_from_what_is_read() -> None:
    pytest.importorskip("minify", reason="tdewolff-minify has no wheel for this machine")
    from tests.minify_snippet import FOLDER, NAMES, minified

    for name in NAMES:
        served = (FOLDER / f"{name}.min.js").read_text(encoding="utf-8")
        assert served == minified(name), "run: .venv/bin/python tests/minify_snippet.py"


def pending(page: Page) -> list[str]:
    """Ids of the events that wait in storage."""
    keys = page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('dangol_e.'))")
    return [key.split(".")[3] for key in keys]


@pytest.mark.browser
class TestInBrowser:
    def test_a_page_view_and_a_returning_visitor(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url + "/a?utm_source=x", referer="https://search.example/")
        first = tracker.wait_for(1)[0]
        assert (first.type, first.source, first.title, first.lang) == ("page", "snippet", "Shop", "ko-KR")
        assert (first.url, first.referrer) == (shop.url + "/a?utm_source=x", "https://search.example/")
        assert (first.ip, first.ua[:8]) == ("127.0.0.0", "Mozilla/")
        cookie = page.context.cookies()[0]
        assert (cookie["name"], cookie["value"], cookie["sameSite"]) == ("dangol_v", first.visitor, "Lax")
        assert 390 < (cookie["expires"] - time.time()) / DAY_SECONDS <= 400
        page.goto(shop.url + "/b", referer=shop.url + "/a?utm_source=x")
        second = tracker.wait_for(2)[1]
        assert (second.visitor, second.referrer) == (first.visitor, shop.url + "/a?utm_source=x")
        eventually(lambda: pending(page) == [])

    def test_commands_that_came_before_the_script(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        shop.pages["/"] = shop.page(
            "dangol('track','Product Viewed',{product_id:'p1'});dangol('nonsense');dangol()"
        )
        page.goto(shop.url)
        events = tracker.wait_for(2)
        assert names(events) == ["page", "Product Viewed"]
        assert events[1].props == {"product_id": "p1"}

    def test_identify_is_remembered_and_reset_forgets(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url)
        page.evaluate("dangol('identify', 'u1', {email: 'a@example.com'})")
        tracker.wait_for(2)
        page.goto(shop.url + "/next")
        tracker.wait_for(3)
        page.evaluate("dangol('reset'); dangol('track', 'After')")
        events = tracker.wait_for(4)
        assert [(event.type, event.user) for event in events] == [
            ("page", None),
            ("identify", "u1"),
            ("page", "u1"),
            ("track", None),
        ]
        assert events[1].traits == {"email": "a@example.com"}
        assert len({event.visitor for event in events[:3]}) == 1
        assert events[3].visitor != events[0].visitor

    def test_a_proof_goes_with_identify_and_with_nothing_else(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        proof = proof_of("sk_test", "u1")
        page.evaluate(
            f"dangol('identify', 'u1', {{plan: 'gold'}}, {{proof: '{proof}'}}); dangol('track', 'X')"
        )
        page.evaluate(f"dangol('identify', 'u2', {{}}, {{proof: '{proof}'}}); dangol('identify', 'u1')")
        events = tracker.wait_for(5)
        told = [(event.type, event.user, event.proven) for event in events]
        assert told == [
            ("page", None, False),
            ("identify", "u1", True),
            ("track", "u1", False),
            ("identify", "u2", False),
            ("identify", "u1", False),
        ]
        assert events[1].traits == {"plan": "gold"}
        eventually(lambda: pending(page) == [])
        assert proof not in str(page.evaluate("JSON.stringify(localStorage) + document.cookie"))

    def test_consent_is_an_event_and_goes_with_those_after(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate("dangol('consent', {analytics: true, marketing: false}); dangol('track', 'X')")
        events = tracker.wait_for(3)
        assert (events[1].type, events[1].props) == ("consent", {"analytics": True, "marketing": False})
        assert events[2].context["consent"] == {"analytics": True, "marketing": False}

    def test_single_page_navigation(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.goto(shop.url + "/a")
        tracker.wait_for(1)
        page.evaluate("history.pushState({}, '', '/b'); document.title = 'B'")
        tracker.wait_for(2)
        page.evaluate("history.replaceState({}, '', '/b#part'); history.replaceState({x: 1}, '', '/b#other')")
        page.evaluate("history.replaceState({}, '', '/c?x=1')")
        tracker.wait_for(3)
        page.go_back()
        events = tracker.wait_for(4)
        paths = [event.url.removeprefix(shop.url) for event in events]
        assert paths == ["/a", "/b", "/c?x=1", "/a"]
        assert events[1].title == "B"
        assert events[1].referrer == shop.url + "/a"
        time.sleep(0.2)
        assert len(tracker.unique()) == 4

    def test_demo_marks_every_event(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        shop.pages["/"] = shop.page(init="'wk_test',{demo:true}")
        page.goto(shop.url)
        tracker.wait_for(1)
        page.goto(shop.url + "/other")
        tracker.wait_for(2)
        page.evaluate("dangol('demo', true); dangol('track', 'X')")
        assert [event.context.get("demo") for event in tracker.wait_for(3)] == [True, None, True]

    def test_offline_then_online_sends_each_event_once(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        page.context.set_offline(True)
        page.evaluate("dangol('track', 'One'); dangol('track', 'Two')")
        waiting = eventually(lambda: len(pending(page)) == 2 and pending(page))
        time.sleep(0.3)
        page.context.set_offline(False)
        events = tracker.wait_for(3)
        assert names(events) == ["page", "One", "Two"]
        assert {event.id for event in events[1:]} == set(waiting)
        eventually(lambda: pending(page) == [])

    def test_an_event_kept_over_a_reload_keeps_its_id(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        (tracker.folder / "down").touch()
        with page.expect_response(lambda response: response.status == 503):
            page.evaluate("dangol('track', 'Kept')")
        waiting = pending(page)
        (tracker.folder / "down").unlink()
        page.goto(shop.url + "/next")
        events = tracker.wait_for(3)
        assert sorted(names(events)) == ["Kept", "page", "page"]
        assert [event.id for event in events if event.name == "Kept"] == waiting
        kept = next(event for event in events if event.name == "Kept")
        assert 0 < kept.received - kept.ts < 10_000

    def test_leaving_at_once_loses_nothing(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate("setTimeout(() => { dangol('track', 'Last'); location.href = 'about:blank' })")
        page.wait_for_url("about:blank")
        assert "Last" in names(tracker.wait_for(2))

    def test_hiding_the_page_sends_what_waits(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate(
            """() => {
                Object.defineProperty(document, 'visibilityState', {value: 'hidden'});
                const timers = window.setTimeout;
                window.setTimeout = () => 0;  // a frozen page runs no timers
                dangol('track', 'Hidden');
                document.dispatchEvent(new Event('visibilitychange'));
                window.setTimeout = timers;
            }"""
        )
        assert "Hidden" in names(tracker.wait_for(2))

    def test_what_a_browser_without_keepalive_cut_off_the_next_page_sends(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate("window.fetch = () => new Promise(() => {}); dangol('track', 'Cut off')")
        eventually(lambda: pending(page))
        page.goto(shop.url + "/next")
        assert "Cut off" in names(tracker.wait_for(3))

    def test_back_forward_cache(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.goto(shop.url + "/a")
        tracker.wait_for(1)
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        events = tracker.wait_for(2)
        assert [event.url.removeprefix(shop.url) for event in events] == ["/a", "/a"]

    def test_two_tabs_lose_nothing(
        self, shop: Shop, page: Page, tracker: TrackerServer, context: BrowserContext
    ) -> None:
        other = context.new_page()
        page.goto(shop.url)
        other.goto(shop.url)
        tracker.wait_for(2)
        (tracker.folder / "down").touch()
        for n in range(10):
            page.evaluate(f"dangol('track', 'a{n}')")
            other.evaluate(f"dangol('track', 'b{n}')")
        eventually(lambda: len(pending(page)) == 20)
        (tracker.folder / "down").unlink()
        page.goto(shop.url + "/next")
        other.goto(shop.url + "/next")
        eventually(lambda: pending(page) == [] and len(tracker.unique()) >= 24)
        sent = {event.id: event.name for event in tracker.unique()}
        expected = [f"{tab}{n}" for tab in "ab" for n in range(10)]
        assert sorted(name for name in sent.values() if name) == expected

    def test_the_queue_is_bounded(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.goto(shop.url)
        tracker.wait_for(1)
        (tracker.folder / "down").touch()
        page.evaluate("for (let n = 0; n < 150; n++) dangol('track', 'e' + n)")
        eventually(lambda: len(pending(page)) == 100)
        assert page.evaluate("localStorage.dangol_l") == "50"
        (tracker.folder / "down").unlink()
        bodies: list[dict[str, Any]] = []
        page.on("request", lambda request: bodies.append(request.post_data_json))
        page.evaluate("dangol('track', 'later')")
        events = tracker.wait_for(102)
        assert {event.name for event in events[1:]} == {"later", *(f"e{n}" for n in range(50, 150))}
        eventually(lambda: page.evaluate("localStorage.dangol_l") == "0")
        assert [body.get("dropped") for body in bodies] == [50, *[None] * (len(bodies) - 1)]

    @pytest.mark.slow
    def test_an_event_that_never_gets_through_stops_no_other(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        """A blocker or a firewall that cuts connections by what is in them; a proxy's own page of an error."""

        def meet(route: Route) -> None:
            body = route.request.post_data or ""
            if "Cut" in body:
                route.abort()
            elif "Odd" in body:
                route.fulfill(status=404, body="<h1>not here</h1>")
            else:
                route.continue_()

        page.route(f"{tracker.host}/v1/batch", meet)
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate(
            "for (let n = 0; n < 4; n++) ['Cut', 'Odd', 'Fine'].forEach(name => dangol('track', name))"
        )
        for number in range(6):
            page.evaluate("dangol('track', 'Fine')")
            tracker.wait_for(2 + number)
        eventually(
            lambda: page.evaluate("dangol('flush')") or names(tracker.unique()).count("Fine") == 10, 20
        )
        eventually(lambda: len(pending(page)) == 8, 20)
        page.unroute(f"{tracker.host}/v1/batch")
        page.goto(shop.url + "/next")
        eventually(lambda: pending(page) == [])
        assert sorted(names(tracker.unique())) == sorted(
            ["page", "Fine"] * 2 + ["Fine"] * 8 + ["Cut", "Odd"] * 4
        )

    def test_one_bad_event_does_not_cost_its_neighbours(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        shop.pages["/"] = shop.page(
            "dangol('track','Good');dangol('track','Bad',{x:'y'.repeat(40000)});dangol('track','Too')"
        )
        page.goto(shop.url)
        assert names(tracker.wait_for(3)) == ["page", "Good", "Too"]
        eventually(lambda: pending(page) == [])

    @pytest.mark.parametrize(
        "block",
        [
            "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})",
            "Object.defineProperty(Document.prototype, 'cookie', {get() { throw Error() }, set() { throw Error() }})",
            "Object.defineProperty(Document.prototype, 'cookie', {get() { return '' }, set() {}})",
            "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
        ],
    )
    def test_blocked_storage_and_cookies(
        self, shop: Shop, page: Page, tracker: TrackerServer, block: str
    ) -> None:
        page.add_init_script(block)
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate("dangol('identify', 'u1'); dangol('track', 'X')")
        events = tracker.wait_for(3)
        assert names(events) == ["page", "identify", "X"]
        assert len({event.visitor for event in events}) == 1
        assert events[2].user == "u1"

    def test_everything_blocked_never_throws(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.add_init_script(
            """
            Object.defineProperty(window, 'localStorage', {get() { throw Error('no') }});
            Object.defineProperty(Document.prototype, 'cookie', {get() { throw Error() }, set() { throw Error() }});
            window.fetch = () => { throw Error('no fetch') };
            navigator.sendBeacon = () => { throw Error('no beacon') };
            """
        )
        page.goto(shop.url)
        page.wait_for_function("dangol.v")
        page.evaluate(
            "dangol('track', 'X', {f() {}, big: 1n}); dangol('slot', 'a', '#slot'); dangol('slot'); dangol(1)"
        )
        page.evaluate("let o = {}; o.o = o; dangol('track', 'Circular', o)")
        assert page.inner_text("#slot") == "kept"

    def test_a_strict_content_security_policy(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        host = tracker.host
        shop.headers["Content-Security-Policy"] = f"default-src 'none'; script-src {host}; connect-src {host}"
        shop.pages["/"] = (
            f"<title>Strict</title><script async src='{host}/dangol.js' data-key=wk_test></script>"
        )
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(shop.url)
        assert tracker.wait_for(1)[0].title == "Strict"
        assert [text for text in complaints if "Security" in text and "favicon" not in text] == []

    @pytest.mark.parametrize(
        "signal",
        [
            "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})",
            "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})",
        ],
    )
    def test_an_opt_out_signal_stores_nothing(
        self, shop: Shop, page: Page, tracker: TrackerServer, signal: str
    ) -> None:
        page.add_init_script(signal)
        page.goto(shop.url)
        page.evaluate("dangol('identify', 'u1'); dangol('track', 'X')")
        tracker.wait_for(3)
        assert page.context.cookies() == []
        assert page.evaluate("Object.keys(localStorage)") == []
        page.evaluate("dangol('consent', {analytics: true})")
        assert [cookie["name"] for cookie in page.context.cookies()] == ["dangol_v"]

    def test_who_refuses_analytics_is_forgotten(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.goto(shop.url)
        page.evaluate("dangol('identify', 'u1')")
        first = tracker.wait_for(2)[0]
        page.evaluate("dangol('consent', {analytics: false}); dangol('track', 'X')")
        events = tracker.wait_for(4)
        assert page.context.cookies() == []
        assert page.evaluate("Object.keys(localStorage).filter(k => !k.startsWith('dangol_e'))") == [
            "dangol_c"
        ]
        consent = next(event for event in events if event.type == "consent")
        anonymous = next(event for event in events if event.name == "X")
        assert consent.visitor == first.visitor
        assert ((anonymous.visitor or "")[0], anonymous.user) == ("~", None)

    def test_slots_of_one_tick_are_one_request(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        answer(
            tracker,
            {"a": {"offer": None}, "b": {"items": [{"id": "p9", "name": "Boot", "score": 1}], "model": "m"}},
        )
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate(
            """() => {
                dangol('track', 'Product Viewed', {product_id: 'p7'});
                dangol('identify', 'u1');
                window.got = {};
                dangol('slot', 'a', r => { got.a = r });
                dangol('slot', 'b', r => { got.b = r }, {strategy: 'session', limit: 8, filter: {category: 'shoes'}});
                dangol('slot', 'b', r => { got.again = r }, {strategy: 'session'});
            }"""
        )
        page.wait_for_function("got.a && got.b && got.again")
        asked = tracker.asked()
        assert asked == {
            "writeKey": "wk_test",
            "visitor": tracker.unique()[0].visitor,
            "page": {"url": shop.url + "/", "item": "p7"},
            "dismissed": [],
            "slots": [
                {"id": "a", "kind": "offer"},
                {
                    "id": "b",
                    "kind": "items",
                    "strategy": "session",
                    "limit": 8,
                    "filter": {"category": "shoes"},
                },
            ],
        }
        assert page.evaluate("got.b.items[0].id") == "p9"
        assert page.evaluate("got.again.items[0].id") == "p9"  # asked for once, answered twice
        assert names(tracker.wait_for(3)) == ["page", "Product Viewed", "identify"]

    def test_personalization_that_was_withdrawn_is_told_with_every_question_from_then_on(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        def asked(*commands: str) -> Any:
            page.evaluate(f"window.got = 0; {';'.join(commands)}; dangol('slot', 'a', () => {{ got = 1 }})")
            page.wait_for_function("window.got")
            return tracker.asked().get("consent")

        page.goto(shop.url)
        assert asked() is None
        assert asked("dangol('consent', {analytics: true, personalization: true})") is None
        withdrawn = {"personalization": False}
        assert asked("dangol('consent', {analytics: true, personalization: false})") == withdrawn
        # What is said of another purpose, or who signs out, takes nothing back.
        assert asked("dangol('consent', {marketing: true})", "dangol('consent')") == withdrawn
        assert asked("dangol('reset')") == withdrawn
        page.goto(shop.url + "/next")
        assert asked() == withdrawn
        page.evaluate("dangol('track', 'X')")
        eventually(lambda: "X" in names(tracker.unique()))
        last = next(event for event in tracker.unique() if event.name == "X")
        assert last.context["consent"] == {"analytics": True, "personalization": False, "marketing": True}
        assert asked("dangol('consent', {personalization: true})") is None

    @pytest.mark.parametrize("storage", ["refused", "full"])
    def test_withdrawn_personalization_is_told_where_nothing_can_be_kept_or_may_be(
        self, shop: Shop, page: Page, tracker: TrackerServer, storage: str
    ) -> None:
        if storage == "full":
            page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full') }")
        page.goto(shop.url)
        page.evaluate(
            "dangol('slot', 'a', () => { window.got = 1 });"
            "dangol('consent', {analytics: false, personalization: false})"
        )
        page.wait_for_function("window.got")
        assert tracker.asked()["consent"] == {"personalization": False}

    def test_an_offer_is_shown_seen_and_clicked(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        content = {
            "title": "Hello <b>",
            "text": "Ten % off",
            "link": "#offer",
            "image": "/x.svg",
            "alt": "Art",
        }
        answer(
            tracker, {"hero": {"offer": {"campaign": "c", "variant": "v", "content": content}, "token": "t"}}
        )
        shop.pages["/"] = shop.page("dangol('slot','hero','#slot')")
        page.goto(shop.url)
        page.wait_for_selector("#slot .dangol-offer strong")
        assert names(tracker.wait_for(2)) == ["page", "Offer Viewed"]
        page.click("#slot .dangol-offer strong")
        page.click("#slot .dangol-offer strong")
        events = tracker.wait_for(3)
        time.sleep(0.3)
        assert names(tracker.unique()) == ["page", "Offer Viewed", "Offer Clicked"]
        assert (
            events[1].props
            == events[2].props
            == {"campaign": "c", "variant": "v", "slot": "hero", "token": "t"}
        )
        assert page.inner_text("#slot strong") == "Hello <b>"
        assert page.get_attribute("#slot img", "alt") == "Art"
        assert page.url.endswith("#offer")

    def test_a_callback_reports_seen_and_clicked_itself(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        answer(tracker, {"hero": {"offer": {"campaign": "c", "variant": "v", "content": {}}, "token": "t"}})
        page.goto(shop.url)
        page.evaluate(
            "dangol('slot', 'hero', r => { r.viewed(); dangol('clicked', r); throw Error('theirs') })"
        )
        assert names(tracker.wait_for(3)) == ["page", "Offer Viewed", "Offer Clicked"]

    def test_hostile_html_runs_nothing(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        html = """<p onclick="hit()">fine</p><img src=x onerror="window.hit=1"><script>window.hit=2</script>
            <a href=" java\tscript:window.hit=3">a</a><svg onload="window.hit=4"><script>window.hit=5</script></svg>
            <iframe srcdoc="<script>parent.hit=6</script>"></iframe><form action="javascript:hit()"></form>
            <style>@import 'x'</style><template><img src=x onerror=hit()></template>"""
        answer(
            tracker,
            {"hero": {"offer": {"campaign": "c", "variant": "v", "content": {"html": html}}, "token": "t"}},
        )
        page.goto(shop.url)
        page.evaluate("dangol('slot', 'hero', document.querySelector('#slot'))")
        page.wait_for_selector("#slot .dangol-offer")
        shown = page.inner_html("#slot")
        assert ">fine</p>" in shown
        assert not re.search(r"on\w+=|script|iframe|svg|template", shown), shown
        time.sleep(0.2)
        assert page.evaluate("window.hit") is None

    def test_items_are_listed_and_a_hostile_link_is_none(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        items = [
            {"id": "p1", "name": "Boot <i>", "url": "#p1", "image": "/p1.svg", "price": 49.9},
            {"id": "p2", "url": "javascript:window.hit=1"},
        ]
        answer(tracker, {"also": {"items": items, "model": "m"}})
        page.goto(shop.url)
        tracker.wait_for(1)
        page.evaluate("dangol('slot', 'also', '#slot', {limit: 2})")
        page.wait_for_selector("#slot li")
        assert page.inner_text("#slot li:first-child").split() == ["Boot", "<i>49.9"]
        assert page.locator("#slot a").count() == 1
        page.click("#slot a")
        clicked = tracker.wait_for(2)[1]
        assert (clicked.name, clicked.props) == ("Product Clicked", {"product_id": "p1", "list_id": "also"})

    def test_a_slot_without_answer_leaves_the_page_as_it_is(
        self, shop: Shop, page: Page, tracker: TrackerServer
    ) -> None:
        (tracker.folder / "answer.json").write_text("<html>bad gateway")
        page.goto(shop.url)
        page.evaluate("dangol('slot', 'hero', '#slot'); dangol('slot', 'cb', r => { window.got = r })")
        page.wait_for_function("window.got")
        assert page.evaluate("got.offer === undefined && got.slot") == "cb"
        assert page.inner_text("#slot") == "kept"

    def test_loaded_twice_it_counts_once(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        shop.pages["/"] = shop.page() + f'<script src="{tracker.host}/dangol.js"></script>'
        page.goto(shop.url)
        tracker.wait_for(1)
        time.sleep(0.3)
        assert names(tracker.unique()) == ["page"]

    def test_the_visitor_is_the_pixels_too(self, shop: Shop, page: Page, tracker: TrackerServer) -> None:
        page.context.add_cookies([{"name": "dangol_v", "value": "from-server", "url": shop.url}])
        page.goto(shop.url)
        assert tracker.wait_for(1)[0].visitor == "from-server"


def test_the_served_file_is_ascii() -> None:
    """A page in EUC-KR reads a script without a charset in its own encoding."""
    for name in snippet.FILES.values():
        assert Path(snippet.__file__).with_name(f"{name}.min.js").read_bytes().isascii()
