"""The desk served to a browser, and a browser that is signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.web_stage import PASSWORD, Stage
from tests.support.wsgi import serving

WAIT = 60_000
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Served:
    """A desk on a port of its own."""

    stage: Stage
    url: str


@contextmanager
def served(stage: Stage) -> Iterator[Served]:
    with serving(stage.app) as url:
        yield Served(stage, url)


def signed_in(browser: Browser, desk: Served, **options: object) -> tuple[BrowserContext, Page]:
    context = browser.new_context(base_url=desk.url, **{"locale": "en-GB", **options})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.goto("/desk/login")
    page.fill("#user", "admin")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/desk")
    return context, page
