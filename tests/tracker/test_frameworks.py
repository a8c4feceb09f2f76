"""Slots on pages whose elements belong to React, Vue, Turbo or htmx: real ones, from npm."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.node_modules import NODE, NPM, bundled, installed
from tests.support.snippet_pages import BANNER, Shop, answer, eventually, names, offered
from tests.support.tracker_server import TrackerServer
from tests.support.webdriver import NAMES, tabs

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (NODE and NPM), reason="frameworks come from npm: apt-get install nodejs npm"),
]
REACT = """
    import { createElement, Suspense, use } from 'react';
    import { createRoot, hydrateRoot } from 'react-dom/client';
    import { flushSync } from 'react-dom';
    import { renderToString } from 'react-dom/server.browser';
    Object.assign(window, { h: createElement, Suspense, use, createRoot, hydrateRoot, flushSync, renderToString });
"""
APP = """
    window.Shop = ({ count, shown = true, key }) => h('main', null,
        h('h1', null, 'Count ' + count),
        shown && h('div', { id: 'hero', key }, h('p', null, 'own ' + count), count % 2 ? 'odd ' + count : null),
        h('footer', null, 'Below'));
    window.show = props => flushSync(() => root.render(h(Shop, props)));
"""
MOUNT = "window.root = createRoot(document.querySelector('#root')); show({ count: 0 });"
SEEN = """[document.querySelectorAll('.dangol-offer').length, document.querySelector('main').innerText.split(/\\n+/)]"""
OWN = "document.querySelector('#hero p')?.checkVisibility()"


@pytest.fixture(scope="module")
def frameworks() -> Path:
    return installed("frameworks")


@pytest.fixture(scope="module")
def react(frameworks: Path) -> str:
    return bundled(frameworks, REACT) + APP


def reactive(shop: Shop, react: str, root: str = "", start: str = MOUNT, more: str = "") -> None:
    shop.pages["/react.js"] = react
    shop.pages["/"] = (
        f"<!doctype html><title>Shop</title><div id=root>{root}</div><script src=/react.js></script>"
        f"<script>{start}</script>"
        + shop.page("dangol('slot', 'hero', '#hero');" + more).partition("</div>")[2]
    )


@pytest.mark.parametrize("name", NAMES)
def test_react_renders_its_elements_again_and_again_and_the_offer_stays(
    shop: Shop, tracker: TrackerServer, react: str, name: str
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    reactive(
        shop,
        react,
        start="window.errors = []; addEventListener('error', e => errors.push(e.message));" + MOUNT,
    )
    with tabs(name) as browser:
        browser.goto(shop.url)
        browser.until("return !!document.querySelector('#hero .dangol-offer')")
        for count in range(1, 6):
            browser.run(f"show({{ count: {count} }})")
            offers, texts = browser.run(f"return {SEEN}")
            assert (offers, texts) == (1, [f"Count {count}", "Ten % off", "Below"])
        browser.run("show({ count: 6, shown: false })")
        assert browser.run(f"return {SEEN}") == [0, ["Count 6", "Below"]]
        browser.run("show({ count: 7 })")
        assert browser.run(f"return {SEEN}") == [1, ["Count 7", "Ten % off", "Below"]]
        browser.run("show({ count: 8, key: 'another' })")
        assert browser.run(f"return {SEEN}") == [1, ["Count 8", "Ten % off", "Below"]]
        browser.run("root.unmount()")
        assert browser.run("return document.querySelectorAll('.dangol-offer').length") == 0
        assert browser.run("return errors") == []


def test_an_offer_that_react_shows_again_on_the_page_counts_once(
    shop: Shop, page: Page, tracker: TrackerServer, react: str
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    reactive(shop, react)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.url)
    eventually(lambda: "Offer Viewed" in names(tracker.unique()))
    for count in range(5):
        page.evaluate(f"show({{ count: {count}, shown: false }}); show({{ count: {count} }})")
        page.wait_for_timeout(250)
    page.wait_for_timeout(1_300)
    assert names(tracker.unique()).count("Offer Viewed") == 1
    assert len([url for url in asked if url.endswith("personalize")]) == 1
    page.click("#hero strong")
    eventually(lambda: names(tracker.unique()).count("Offer Clicked") == 1)


@pytest.mark.parametrize("when", ["at once", "a moment later", "behind Suspense"])
def test_html_of_the_server_is_hydrated_as_it_was_sent(
    shop: Shop, page: Page, tracker: TrackerServer, react: str, when: str
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    app = "h(Suspense, null, h(Lazy))" if when == "behind Suspense" else "h(Shop, { count: 0 })"
    lazy = "window.Lazy = () => { if (window.gate) use(gate); return h(Shop, { count: 0 }) };"
    reactive(shop, react)
    page.goto(shop.url)
    html = page.evaluate(f"{lazy} renderToString({app})")
    start = f"window.root = hydrateRoot(document.querySelector('#root'), {app})"
    if when == "a moment later":
        start = f"setTimeout(() => {{ {start} }}, 30)"
    if when == "behind Suspense":
        start = f"window.gate = new Promise(done => setTimeout(done, 500)); {start}"
    mark = "window.server = document.querySelector('#hero');"
    reactive(shop, react, root=html, start=lazy + mark + start)
    page.goto(shop.url)
    page.wait_for_selector("#hero .dangol-offer")
    page.wait_for_timeout(700)
    assert page.evaluate(
        "server == document.querySelector('#hero')"
    )  # React took it over, and made none of its own
    assert page.evaluate(SEEN) == [1, ["Count 0", "Ten % off", "Below"]]
    if when != "behind Suspense":
        page.evaluate("show({ count: 3 })")
        assert page.evaluate(SEEN) == [1, ["Count 3", "Ten % off", "Below"]]


def test_what_is_covered_is_read_out_no_more_and_comes_back_when_the_offer_is_closed(
    shop: Shop, page: Page, tracker: TrackerServer, react: str
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    reactive(shop, react, more="dangol('slot', 'hero', '#hero', {dismiss: 'Hide this'})")
    page.goto(shop.url)
    page.get_by_role("region", name="Ten % off").wait_for()
    snapshot = page.locator("main").aria_snapshot()
    assert "own 0" not in snapshot and "Hide this" in snapshot
    page.get_by_role("button", name="Hide this").focus()
    page.evaluate("show({ count: 1 })")
    assert page.evaluate("document.activeElement.className") == "dangol-dismiss"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "hero"
    page.evaluate("show({ count: 2 })")
    assert page.evaluate(SEEN) == [0, ["Count 2", "own 2", "Below"]]
    page.evaluate("show({ count: 2, shown: false }); show({ count: 4 })")
    page.wait_for_timeout(300)
    assert page.evaluate(SEEN) == [0, ["Count 4", "own 4", "Below"]]


def test_somebody_who_is_in_the_pages_own_content_keeps_it(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.goto(shop.url)
    page.evaluate(
        "document.querySelector('#slot').innerHTML = '<input id=mail>'; document.querySelector('#mail').focus()"
    )
    page.evaluate("dangol('slot', 'hero', '#slot'); dangol('slot', 'cb', () => { window.got = 1 })")
    page.wait_for_function("window.got")
    page.wait_for_timeout(1_300)
    assert page.evaluate("document.activeElement.id") == "mail"
    assert names(tracker.unique()) == ["page"]


VUE = """
    import { createApp, h, reactive } from 'vue/dist/vue.esm-bundler.js';
    window.state = reactive({ count: 0, shown: true });
    createApp({ setup: () => ({ state }), template: `<main><h1>Count {{ state.count }}</h1>
        <div id="hero" v-if="state.shown">own {{ state.count }}</div><footer>Below</footer></main>` }).mount('#root');
"""


def test_vue_changes_removes_and_brings_back_the_place(
    shop: Shop, page: Page, tracker: TrackerServer, frameworks: Path
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    reactive(shop, bundled(frameworks, VUE), start="")
    page.goto(shop.url)
    page.wait_for_selector("#hero .dangol-offer")
    for count in (1, 2, 3):
        page.evaluate(f"state.count = {count}")
        page.wait_for_function(f"document.querySelector('h1').innerText == 'Count {count}'")
        assert page.evaluate(SEEN) == [1, [f"Count {count}", "Ten % off", "Below"]]
    page.evaluate("state.shown = false")
    page.wait_for_selector(".dangol-offer", state="detached")
    page.evaluate("state.shown = true")
    page.wait_for_selector("#hero .dangol-offer")
    assert page.evaluate(SEEN) == [1, ["Count 3", "Ten % off", "Below"]]


def body(name: str, more: str = "") -> str:
    return (
        f"<main><h1>{name}</h1><div id=hero><p>own {name}</p></div>"
        f"<a href=/ id=home>home</a> <a href=/next id=next>next</a></main>{more}"
    )


@pytest.mark.parametrize("call", ["once, in the head", "in every body"])
def test_turbo_replaces_the_body_and_each_page_has_one_offer_of_its_own(
    shop: Shop, page: Page, tracker: TrackerServer, frameworks: Path, call: str
) -> None:
    answer(tracker, {"hero": offered({"title": "Offer 1"}, token="t1")})
    shop.pages["/turbo.js"] = bundled(frameworks, "import '@hotwired/turbo'")
    slot = "dangol('slot', 'hero', '#hero');"
    loader = shop.page(slot if call == "once, in the head" else "").partition("</div>")[2]
    every = f"<script>{slot}</script>" if call == "in every body" else ""
    for path, name in (("/", "First"), ("/next", "Second")):
        shop.pages[path] = (
            f"<!doctype html><html><head><title>{name}</title><script src=/turbo.js></script>{loader}</head>"
            f"<body>{body(name, every)}</body></html>"
        )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.url)
    for number, (click, name) in enumerate((("", "First"), ("#next", "Second"), ("#home", "First")), 1):
        answer(tracker, {"hero": offered({"title": f"Offer {number}"}, token=f"t{number}")})
        if click:
            page.click(click)
            page.wait_for_selector(f"h1:text('{name}')")
        page.wait_for_selector(f"#hero :text('Offer {number}')")
        page.wait_for_timeout(300)
        assert page.evaluate("document.querySelectorAll('.dangol-offer').length") == 1
        assert page.evaluate(OWN) is False
        # Turbo runs the scripts of a body also when it shows its preview: then the page itself asks once more.
        own = call == "in every body" and number == 3
        assert len([url for url in asked if url.endswith("personalize")]) == number + own
        eventually(lambda wanted=number: names(tracker.unique()).count("Offer Viewed") == wanted)
    page.go_back()
    page.wait_for_selector("h1:text('Second')")
    page.wait_for_timeout(1_500)
    assert page.evaluate("document.querySelectorAll('.dangol-offer').length") == 1
    assert page.evaluate(OWN) is False


def test_htmx_swaps_a_fragment_and_its_history_keeps_the_pages_own(
    shop: Shop, page: Page, tracker: TrackerServer, frameworks: Path
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/htmx.js"] = bundled(frameworks, "import htmx from 'htmx.org'; window.htmx = htmx")
    swap = "<button id=swap hx-get=/fragment hx-target=#part hx-push-url=/swapped>swap</button>"
    shop.pages["/fragment"] = "<div id=hero><p>own Fragment</p></div>"
    shop.pages["/"] = (
        f"<!doctype html><title>Shop</title><script src=/htmx.js></script><body>{swap}"
        f"<div id=part>{body('First')}</div>"
        + shop.page("dangol('slot', 'hero', '#hero')").partition("</div>")[2]
    )
    page.goto(shop.url)
    page.wait_for_selector("#hero .dangol-offer")
    answer(tracker, {"hero": offered({"title": "Other"}, token="t2")})
    page.click("#swap")
    page.wait_for_selector("#hero :text('Other')")
    assert page.evaluate("document.querySelectorAll('.dangol-offer').length") == 1
    assert page.evaluate(OWN) is False
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "own First" in kept and "dangol-offer" not in kept
    page.go_back()
    page.wait_for_selector("h1:text('First')")
    page.wait_for_selector("#hero .dangol-offer")
    assert page.evaluate("document.querySelectorAll('.dangol-offer').length") == 1


@pytest.mark.parametrize(
    "place", ["<ul id=hero><li>own</li></ul>", "<x-hero id=hero>own <b>text</b></x-hero>"]
)
def test_a_place_that_can_have_no_shadow_root_is_covered_all_the_same(
    shop: Shop, page: Page, tracker: TrackerServer, place: str
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    shop.pages["/"] = f"<main>{place}</main>" + shop.page("dangol('slot', 'hero', '#hero', {dismiss: true})")
    page.goto(shop.url)
    page.wait_for_selector("#hero .dangol-offer")
    page.evaluate("document.querySelector('#hero').insertAdjacentHTML('beforeend', '<li>more</li> words')")
    page.wait_for_timeout(50)
    assert page.inner_text("#hero strong") == "Ten % off"
    assert page.evaluate("document.querySelector('main').innerText.includes('own')") is False
    assert page.evaluate("document.querySelector('main').innerText.includes('words')") is False
    page.click("#hero .dangol-dismiss")
    assert page.inner_text("main").split()[0] == "own"
    assert "words" in page.inner_text("main")


def test_a_script_that_insists_on_its_content_has_it_and_the_page_goes_on(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    answer(tracker, {"hero": offered(BANNER)})
    page.goto(shop.url)
    page.evaluate(
        """new MutationObserver(() => document.querySelector('#slot').childNodes.length > 1
            && document.querySelector('#slot').replaceChildren('theirs'))
            .observe(document.querySelector('#slot'), {childList: true});
           dangol('slot', 'hero', '#slot')"""
    )
    page.wait_for_function("document.querySelector('#slot').innerText == 'theirs'")
    page.wait_for_timeout(300)
    assert page.inner_text("#slot") == "theirs"
