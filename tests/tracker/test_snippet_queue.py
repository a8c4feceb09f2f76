"""The snippet's queue in three real browsers: whatever a page tracks arrives, or is counted as given up."""

import itertools
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.snippet_pages import Shop
from tests.support.tracker_server import TrackerServer
from tests.support.webdriver import NAMES, Tabs, tabs
from tracker.event import Event
from tracker.protocols.segment_messages import EVENT_LIMIT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = 6
"""In each browser: an example is a page of up to 40 events, and takes up to a second."""
WAITING = "return Object.keys(localStorage).filter(name => name.startsWith('dangol_e.')).length == "
KOREAN = "한우 등심 1등급 구이용 선물세트 "
_numbers = itertools.count()


@pytest.fixture(scope="module")
def shop(server: TrackerServer) -> Iterator[Shop]:
    shop = Shop(server)
    shop.pages["/none"] = "<title>Without the snippet</title>"
    yield shop
    shop.close()


@pytest.fixture(
    scope="module",
    params=[name if name == "chromium" else pytest.param(name, marks=pytest.mark.slow) for name in NAMES],
)
def browser(request: pytest.FixtureRequest) -> Iterator[Tabs]:
    with tabs(request.param) as browser:
        yield browser


@pytest.fixture
def page(browser: Tabs, shop: Shop, server: TrackerServer) -> Tabs:
    """A page on which the snippet runs, by a visitor who was never here."""
    new_visitor(browser, shop)
    server.reset()
    address = f"/page{next(_numbers)}"
    browser.goto(shop.url + address)
    arrived(server, "page", 1)
    return browser


def new_visitor(browser: Tabs, shop: Shop, tab: str = "") -> None:
    number = next(_numbers)
    browser.goto(f"{shop.url}/none?{number}", tab)
    browser.until(f"return location.search == '?{number}' && document.readyState == 'complete'")
    browser.run("localStorage.clear(); document.cookie = 'dangol_v=; max-age=0; path=/'")


def arrived(server: TrackerServer, prefix: str, count: int, seconds: float = 30.0) -> list[Event]:
    """The unique events whose name, or type, begins with ``prefix``, once there are ``count``."""
    deadline = time.monotonic() + seconds
    while True:
        found = [event for event in server.unique() if (event.name or event.type).startswith(prefix)]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def test_ten_lists_of_sixty_korean_names_arrive_and_so_does_what_follows(
    page: Tabs, server: TrackerServer
) -> None:
    """73 KB of UTF-8 that are 40,000 characters."""
    page.run(
        """let products = [...Array(60).keys()].map(n => ({product_id: 'p' + n, name: arguments[0] + n}));
        for (let n = 0; n < 10; n++) dangol('track', 'Product List Viewed', {list_id: 'l' + n, products});
        dangol('track', 'Product Viewed', {product_id: 'p7'})""",
        KOREAN * 3,
    )
    lists = arrived(server, "Product List", 10)
    assert {event.props["list_id"] for event in lists} == {f"l{n}" for n in range(10)}
    assert sum(len(event.props["products"][0]["name"].encode()) for event in lists) * 60 > 65_536
    assert len(arrived(server, "Product Viewed", 1)) == 1
    page.until(WAITING + "0")


def test_a_burst_of_calls_arrives_whole(page: Tabs, server: TrackerServer) -> None:
    page.run("for (let n = 0; n < 400; n++) dangol('track', 'Call ' + n)")
    events = arrived(server, "Call", 400)
    assert {event.name for event in events} == {f"Call {n}" for n in range(400)}


_units = st.one_of(
    st.sampled_from(["a", "é", "한", "😀", '"', "\\", "\x00", "\u2028", "\ud83d", "<"]),
    st.characters(codec="utf-8"),
)
_event = st.tuples(_units, st.one_of(st.integers(0, 300), st.integers(3_000, 14_000)))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_event, min_size=1, max_size=40))
def test_any_text_of_any_size_in_any_number_arrives_or_is_counted(
    page: Tabs, server: TrackerServer, events: list[tuple[str, int]]
) -> None:
    prefix = f"Any {next(_numbers)}"
    sizes: list[int] = page.run(
        """let [prefix, events] = arguments;
        return events.map(([units, times], n) => {
            let text = String.fromCharCode(...units).repeat(times);
            dangol('track', prefix + ' ' + n, {text});
            return new TextEncoder().encode(JSON.stringify({text})).length;
        })""",
        prefix,
        [[list(memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")), n] for text, n in events],
    )
    sure = {f"{prefix} {n}" for n, size in enumerate(sizes) if size < EVENT_LIMIT - 2_000}
    hopeless = {f"{prefix} {n}" for n, size in enumerate(sizes) if size > EVENT_LIMIT}
    page.until(WAITING + "0")
    found = {event.name: event.props["text"] for event in arrived(server, prefix, len(sure))}
    assert sure <= set(found)
    assert hopeless.isdisjoint(found)
    for n, (text, times) in enumerate(events):
        if text not in "\x00\ud83d":  # what becomes of these is the tracker's to say
            assert found.get(f"{prefix} {n}", text * times) == text * times
    given_up = page.run("return +localStorage.dangol_l || 0")
    assert given_up <= len(events) - len(found)  # the last batch may have told of some


def test_too_large_an_event_is_tried_and_stops_no_other(page: Tabs, server: TrackerServer) -> None:
    page.run(
        """for (let n = 0; n < 5; n++) {
            dangol('track', 'Large', {text: '한'.repeat(n % 2 ? 12000 : 400000)});
            dangol('track', 'Beside ' + n);
        }"""
    )
    assert len(arrived(server, "Beside", 5)) == 5
    page.until(WAITING + "0")
    assert arrived(server, "Large", 0) == []


def test_where_others_used_up_what_may_outlive_the_page_events_still_arrive(
    page: Tabs, server: TrackerServer
) -> None:
    """A browser counts the bytes of all requests with keepalive that are under way, whoever made them."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        page.run(
            """fetch('http://127.0.0.1:' + arguments[0], {
                method: 'POST', mode: 'no-cors', keepalive: true, body: 'x'.repeat(6e4)
            }).catch(() => 0);
            for (let n = 0; n < 12; n++) dangol('track', 'Crowded ' + n, {text: '한'.repeat(900)})""",
            port,
        )
        events = arrived(server, "Crowded", 12, 8.0)
    assert {event.name for event in events} == {f"Crowded {n}" for n in range(12)}


def test_full_storage_loses_nothing(page: Tabs, server: TrackerServer) -> None:
    page.run(
        """let n = 0, size = 1 << 20;
        while (size) try { localStorage.setItem('full' + n++, 'x'.repeat(size)) } catch { size >>= 1 }
        for (let n = 0; n < 60; n++) dangol('track', 'Full ' + n, {text: '한'.repeat(900)})"""
    )
    events = arrived(server, "Full", 60)
    assert {event.name for event in events} == {f"Full {n}" for n in range(60)}


def test_what_the_page_before_could_not_send_the_next_one_does(
    page: Tabs, server: TrackerServer, shop: Shop
) -> None:
    (server.folder / "down").touch()
    page.run("for (let n = 0; n < 80; n++) dangol('track', 'Kept ' + n, {text: '한'.repeat(500)})")
    page.until(WAITING + "80")
    page.goto(f"{shop.url}/none?{next(_numbers)}")
    page.until("return document.title == 'Without the snippet'")
    (server.folder / "down").unlink()
    page.goto(f"{shop.url}/page{next(_numbers)}")
    assert {event.name for event in arrived(server, "Kept", 80)} == {f"Kept {n}" for n in range(80)}
    page.until(WAITING + "0")


def first_visit_in_two_tabs(
    browser: Tabs, shop: Shop, server: TrackerServer, before: str = ""
) -> tuple[set[str], list[str]]:
    """The visitors whom the two page events name, and the tabs."""
    first, second = browser.open(), browser.open()
    new_visitor(browser, shop, first)
    server.reset()
    address = f"/first{next(_numbers)}"
    shop.pages[address] = shop.page().replace("<script>", f"<script>{before}", 1)
    browser.goto(shop.url + address, first)
    browser.goto(shop.url + address, second)
    events = arrived(server, "page", 2)
    assert len(events) == 2
    return {event.visitor for event in events}, [first, second]


@pytest.mark.slow
def test_two_tabs_on_a_first_visit_are_one_visitor(browser: Tabs, shop: Shop, server: TrackerServer) -> None:
    for _ in range(4):
        visitors, _ = first_visit_in_two_tabs(browser, shop, server)
        assert len(visitors) == 1


@pytest.mark.slow
def test_two_tabs_in_a_browser_without_locks_become_one_visitor(
    browser: Tabs, shop: Shop, server: TrackerServer
) -> None:
    """Nothing but time keeps their first events together: a busy machine may part those, never the later ones."""
    parted = 0
    for _ in range(4):
        visitors, both = first_visit_in_two_tabs(browser, shop, server, "delete Navigator.prototype.locks;")
        parted += len(visitors) == 2
        for tab in both:
            browser.select(tab)
            browser.run("dangol('track', 'Later')")
        assert len({event.visitor for event in arrived(server, "Later", 2)}) == 1
    assert parted < 4


@pytest.mark.parametrize("broken", ["throw new Error('no')", "return undefined", "return null", "return {}"])
def test_what_a_page_puts_in_fetchs_place_stops_the_queue_only_while_it_is_there(
    page: Tabs, server: TrackerServer, broken: str
) -> None:
    page.run(
        f"""let real = fetch;
        window.fetch = () => {{ {broken} }};
        dangol('track', 'First');
        setTimeout(() => {{ window.fetch = real; dangol('track', 'Second') }}, 300)"""
    )
    assert {event.name for event in [*arrived(server, "First", 1), *arrived(server, "Second", 1)]} == {
        "First",
        "Second",
    }


def test_what_is_given_up_is_counted_where_storage_is_blocked(
    browser: Tabs, shop: Shop, server: TrackerServer
) -> None:
    new_visitor(browser, shop)
    server.reset()
    address = f"/blocked{next(_numbers)}"
    blocked = """<script>window.told = []; let real = fetch;
        window.fetch = (url, o) => { told.push(JSON.parse(o.body).dropped || 0); return real(url, o) };
        Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked') }});"""
    shop.pages[address] = shop.page().replace("<script>", blocked, 1)
    browser.goto(shop.url + address)
    arrived(server, "page", 1)
    browser.run("dangol('track', 'Large', {text: 'x'.repeat(40000)})")
    browser.until("return window.told?.length == 2")
    browser.run("setTimeout(() => dangol('track', 'After'), 300)")
    arrived(server, "After", 1)
    assert browser.run("return window.told") == [0, 0, 1]


def test_after_a_reset_every_tab_is_somebody_new(browser: Tabs, shop: Shop, server: TrackerServer) -> None:
    """Else the next customer's id would stand beside the visitor of the one before."""
    first, second = browser.open(), browser.open()
    new_visitor(browser, shop, first)
    server.reset()
    browser.goto(f"{shop.url}/first{next(_numbers)}", first)
    arrived(server, "page", 1)
    browser.goto(f"{shop.url}/second{next(_numbers)}", second)
    arrived(server, "page", 2)
    browser.goto(f"{shop.url}/third{next(_numbers)}", first)
    arrived(server, "page", 3)
    browser.run("dangol('identify', 'u1'); dangol('reset'); dangol('identify', 'u2')")
    before, now = arrived(server, "identify", 2)
    browser.select(second)
    browser.run("dangol('consent', {analytics: true}); dangol('track', 'Later')")
    (later,) = arrived(server, "Later", 1)
    assert (later.visitor, later.user) == (now.visitor, "u2")
    assert before.visitor != now.visitor and f"dangol_v={now.visitor}" in browser.run(
        "return document.cookie"
    )
