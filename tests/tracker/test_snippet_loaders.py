"""The snippet loaded as a module, out of a bundle, or by a loader that runs scripts later, in a real browser."""

import pytest
from playwright.sync_api import Page

from tests.support.snippet_pages import LOADER, Shop, names
from tests.support.tracker_server import TrackerServer

pytestmark = pytest.mark.browser

INIT = f"<script>{LOADER} dangol('init', 'wk_test')</script>"


def test_as_a_module(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    shop.pages["/"] = INIT + f"<script type=module src='{tracker.host}/dangol.js'></script>"
    page.goto(shop.url)
    assert names(tracker.wait_for(1)) == ["page"]


def test_as_a_module_with_its_key(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    shop.pages["/"] = f"<script type=module src='{tracker.host}/dangol.js' data-key=wk_test></script>"
    page.goto(shop.url)
    assert names(tracker.wait_for(1)) == ["page"]


def test_imported_by_the_shops_own_module(shop: Shop, page: Page, tracker: TrackerServer) -> None:
    """As a bundler leaves it: no script element of ours is on the page."""
    options = f"{{host: '{tracker.host}'}}"
    shop.pages["/app.js"] = (
        f"import '{tracker.host}/dangol.js'; dangol('init', 'wk_test', {options}); dangol('track', 'X')"
    )
    shop.pages["/"] = "<script type=module src='/app.js'></script>"
    page.goto(shop.url)
    assert names(tracker.wait_for(2)) == ["page", "X"]


def test_out_of_a_bundle_that_names_no_host_the_console_says_why(
    shop: Shop, page: Page, tracker: TrackerServer
) -> None:
    shop.pages["/app.js"] = (
        f"import '{tracker.host}/dangol.js'; dangol('init', 'wk_test'); dangol('track', 'X')"
    )
    shop.pages["/"] = "<script type=module src='/app.js'></script>"
    with page.expect_console_message(
        lambda message: message.text == "dangol: no host" and message.type == "warning"
    ):
        page.goto(shop.url)
    assert tracker.events() == []


@pytest.mark.parametrize("way", ["text", "blob"])
def test_by_a_loader_that_runs_scripts_itself(
    shop: Shop, page: Page, tracker: TrackerServer, way: str
) -> None:
    """It gives scripts a type that no browser runs, fetches them, and runs their text as a script of its own."""
    run = {
        "text": "made.textContent = text",
        "blob": "made.src = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}))",
    }
    shop.pages[
        "/"
    ] = f"""<script type='late' src='{tracker.host}/dangol.js' data-key=wk_test></script><script>
        addEventListener('load', async () => {{
            let late = document.querySelector('script[type=late]'), made = document.createElement('script');
            let text = await (await fetch(late.src)).text();
            {run[way]};
            document.body.append(made);
        }})</script>"""
    page.goto(shop.url)
    assert names(tracker.wait_for(1)) == ["page"]
