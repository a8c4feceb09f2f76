"""The desk's menu in a real browser: it fits a small laptop in both languages, and folds without JavaScript."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.desk_browser import Served, served, signed_in
from tests.support.machine import RedisServer
from tests.support.web_stage import stage_of
from tracker.sites import Site
from web.desk.pages import MENU

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ENTRIES = [entry for group in MENU for entry in group.entries]
OF_EACH_GROUP = [group.entries[0] for group in MENU] + [MENU[-2].entries[-1]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("desk")
    redis = RedisServer(folder)
    redis.start()
    site = Site(id="default", name="단골 상점", write_key="wk_test", secret_key="sk_test")
    with served(stage_of(folder, redis.url, site, time.time)) as desk:
        yield desk
    redis.kill()


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_it_fits_a_screen_of_900_pixels_and_shows_where_one_is(
    browser: Browser, desk: Served, locale: str
) -> None:
    context, page = signed_in(browser, desk, locale=locale, viewport={"width": 1280, "height": 900})
    for entry in OF_EACH_GROUP:
        page.goto(entry.href)
        assert page.evaluate("rail.scrollHeight <= rail.clientHeight"), entry.name
        expect(page.locator("nav a[aria-current]")).to_be_visible()
        expect(page.locator("nav a[href^='/desk/help']")).to_be_visible()
        lines = "[...document.querySelectorAll('.rail nav a')].filter(a => a.offsetHeight > 44).length"
        assert page.evaluate(lines) == 0
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_reached_by_the_keyboard(
    browser: Browser, desk: Served, scripts: bool, width: int
) -> None:
    options = {"viewport": {"width": width, "height": 900}, "java_script_enabled": scripts}
    context, page = signed_in(browser, desk, **options)
    if width == 390 and scripts:
        page.press("[data-menu]", "Enter")
    for at in range(page.locator("nav details").count()):
        fold = page.locator("nav details").nth(at)
        if fold.get_attribute("open") is None:
            expect(fold.locator("a").first).to_be_hidden()
            fold.locator("summary").press("Enter")
        expect(fold.locator("a").last).to_be_visible()
    assert page.locator("nav a:visible").count() == len(ENTRIES)
    page.locator("nav a:has-text('Access')").press("Enter")
    page.wait_for_url("**/desk/access*")
    context.close()
