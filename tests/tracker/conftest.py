"""A tracker for the tests of a file, and a shop whose pages have the snippet, in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.node_modules import installed
from tests.support.snippet_pages import Shop
from tests.support.tracker_server import TrackerServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackerServer]:
    with TrackerServer(tmp_path_factory.mktemp("tracker")) as server:
        yield server


@pytest.fixture
def tracker(server: TrackerServer) -> TrackerServer:
    """The file's tracker; it has no events yet."""
    return server.reset()


@pytest.fixture(scope="session")
def modules() -> Path:
    """The official npm clients."""
    return installed()


@pytest.fixture
def shop(tracker: TrackerServer) -> Iterator[Shop]:
    shop = Shop(tracker)
    yield shop
    shop.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="ko-KR", viewport={"width": 800, "height": 600})
    yield context
    context.close()


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def page(context: BrowserContext, errors: list[str]) -> Iterator[Page]:
    """A page whose errors are collected: at the end there must be none."""
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []
