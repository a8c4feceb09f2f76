"""The desk in a real browser: a marketer's way through it, both languages, dark and phone, and no barriers."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from profiles.losses import SiteLoss
from tests.support.browser import keep
from tests.support.desk_browser import SERIOUS, WAIT, Served, served, signed_in
from tests.support.desk_season import season
from tests.support.machine import RedisServer
from tests.support.web_stage import stage_of
from tracker.sites import Site

pytestmark = pytest.mark.browser

STEPS = "step=page:/&step=event:Product+Viewed&step=event:Product+Added&step=event:Order+Completed&window=7d"
PAGES = {
    "overview": "/desk",
    "live": "/desk/live",
    "funnel": f"/desk/funnel?{STEPS}",
    "paths": "/desk/paths",
    "retention": "/desk/retention?by=channel",
    "attribution": "/desk/attribution?show=revenue",
    "products": "/desk/products",
    "engagement": "/desk/engagement",
    "agents": "/desk/agents?kind=search",
    "visitors": "/desk/visitors",
    "visitor": "/desk/visitors/u:customer-0",
    "segments": "/desk/segments?a=buyers&b=lookers",
    "segment": "/desk/segments/edit?id=buyers",
    "campaigns": "/desk/campaigns",
    "campaign": "/desk/campaigns/edit",
    "people": f"/desk/funnel/people?{STEPS}&at=2",
    "setup": "/desk/setup",
    "quality": "/desk/data-quality",
    "models": "/desk/models",
    "access": "/desk/access",
    "user": "/desk/access/user?name=admin",
    "password": "/desk/password",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("desk")
    redis = RedisServer(folder)
    redis.start()
    site = Site(
        id="default",
        name="단골 상점",
        write_key="wk_test",
        secret_key="sk_test",
        timezone="Asia/Seoul",
        currency="KRW",
    )
    stage = stage_of(folder, redis.url, site, time.time)
    season(stage, time.time())
    at = int(time.time() * 1000)
    lost = [
        ("revenue", "ambiguous", 37, "12,900 €"),
        ("order", "cut", 2, "W" * 40),
        ("user", "placeholder", 12_345, "null"),
    ]
    stage.stores.reports.losses.add(
        SiteLoss("default", field, why, number, at, last) for field, why, number, last in lost
    )
    with served(stage) as desk:
        yield desk
    redis.kill()


def settled(page: Page) -> None:
    """Every part that comes after the page is there."""
    expect(page.locator("[aria-busy], [data-part] > p.body:only-child > a")).to_have_count(0, timeout=WAIT)


@pytest.mark.slow
def test_a_marketer_finds_who_left_and_keeps_them(browser: Browser, desk: Served) -> None:
    context, page = signed_in(browser, desk, viewport={"width": 1360, "height": 900})
    page.click("nav a:has-text('Funnel')")
    for at, (kind, what) in enumerate(
        (("page", "/"), ("event", "Product Viewed"), ("event", "Order Completed")), 1
    ):
        if page.locator(f"#what-{at}").count() == 0:
            page.click("button:has-text('Add a step')")
        page.select_option(f"#kind-{at}", kind)
        page.fill(f"#what-{at}", what)
    while page.locator("li.step").count() > 3:
        page.click("li.step >> nth=-1 >> button[title=Remove]")
    page.click("button.primary:has-text('Show the funnel')")
    expect(page.locator("ol.funnel > li")).to_have_count(3)
    counts = [
        int(re.sub(r"\D", "", text.split()[0])) for text in page.locator(".funnel .count").all_inner_texts()
    ]
    period = dict(
        part.split("=") for part in page.url.split("?")[1].split("&") if part.startswith(("from", "to"))
    )
    query = "step=page:/&step=event:Product+Viewed&step=event:Order+Completed&window=7d"
    told = desk.stage.call("GET", f"/v1/reports/funnel?{query}&from={period['from']}&to={period['to']}").json
    assert counts == [step["visitors"] for step in told["steps"]] and counts[0] > counts[1] > counts[2] > 0
    settled(page)
    keep(page, "desk-funnel-built", full=True)
    page.click("a.leavers >> nth=1")  # one click: view visitors
    page.fill("#name", "Looked, did not buy")
    page.click("button:has-text('Save as a segment')")  # two: kept
    expect(page.locator(".notice.good")).to_contain_text("Looked, did not buy")
    page.click("text=See its funnel")
    expect(page.locator(".chips")).to_contain_text("Looked, did not buy")
    page.goto(f"/desk/funnel?{query}&group=segment")
    row = page.locator("table.branches tr", has_text="Looked, did not buy")
    expect(row.locator("td").nth(0)).to_have_text(f"{counts[1] - counts[2]}")
    expect(row.locator("td").nth(2)).to_have_text("0")
    assert page.faults == []
    context.close()


def test_steps_are_moved_by_keyboard_and_by_dragging(browser: Browser, desk: Served) -> None:
    context, page = signed_in(browser, desk)

    def steps() -> list[str]:
        return [page.input_value(f"#what-{at}") for at in range(1, 1 + page.locator("li.step").count())]

    page.goto(f"/desk/funnel?{STEPS}")
    first = steps()
    page.locator("li.step >> nth=1 >> button[title='Move up']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("step=event%3AProduct\\+Viewed&step=page"))
    assert steps() == [first[1], first[0], *first[2:]]
    page.locator("li.step >> nth=0 >> .grip").drag_to(page.locator("li.step >> nth=3"))
    page.click("button.primary:has-text('Show the funnel')")
    page.wait_for_url(re.compile("step=page%3A%2F&step="))
    assert steps()[0] == first[0]
    context.close()


def test_filters_are_set_and_taken_away(browser: Browser, desk: Served) -> None:
    context, page = signed_in(browser, desk, viewport={"width": 1360, "height": 900})
    visitors = page.locator(".figure .value").first.inner_text()
    page.click(".filters > summary")
    page.select_option("#filter-channel", "e-mail")
    page.click(".sheet button.primary")
    expect(page.locator(".chips li")).to_have_count(1)
    assert "channel=e-mail" in page.url and page.locator(".figure .value").first.inner_text() != visitors
    page.click("nav a:has-text('Overview')")
    page.goto("/desk?channel=e-mail")
    page.click(".chips a")
    expect(page.locator(".figure .value").first).to_have_text(visitors)
    context.close()


def test_what_must_not_come_in_between_is_chosen_for_one_gap(browser: Browser, desk: Served) -> None:
    context, page = signed_in(browser, desk, viewport={"width": 1360, "height": 900})

    def finished() -> int:
        return int(re.sub(r"\D", "", page.locator(".funnel .count").last.inner_text().split()[0]))

    page.goto(f"/desk/funnel?{STEPS}")
    whole = finished()
    page.click("button:has-text('Add an exclusion')")
    page.fill("#barred-1", "/checkout")
    page.select_option("#gap-1", "1")
    page.click("button.primary:has-text('Show the funnel')")
    page.wait_for_url(re.compile("without=1%3Apage%3A%2Fcheckout"))
    assert finished() == whole > 0  # nobody checks out before looking at a product
    page.select_option("#gap-1", "3")
    page.click("button.primary:has-text('Show the funnel')")
    page.wait_for_url(re.compile("without=3%3Apage%3A%2Fcheckout"))
    assert finished() == 0  # and nobody buys without
    page.click("button[title=Remove] >> nth=-1")
    page.wait_for_url(lambda address: "without" not in address)
    assert finished() == whole and page.faults == []
    context.close()


def test_a_page_in_the_paths_narrows_every_report(browser: Browser, desk: Served) -> None:
    context, page = signed_in(browser, desk, viewport={"width": 1360, "height": 900})
    page.goto("/desk/paths")
    page.locator("a[aria-label='Only visits that saw /checkout'] rect").first.click()
    expect(page.locator(".chips")).to_contain_text("/checkout")
    page.click("nav a:has-text('Overview')")
    expect(page.locator(".chips")).to_contain_text("/checkout")
    context.close()


def test_an_administrator_lets_a_colleague_in(browser: Browser, desk: Served) -> None:
    context, page = signed_in(browser, desk)
    page.click("nav summary:has-text('Site')")
    page.click("nav a:has-text('Access')")
    page.click("a:has-text('New user')")
    page.fill("#name", "minji")
    page.check("input[value=marketer]")
    page.click("button:has-text('Add the user')")
    made = page.locator("#made").inner_text()
    guest = browser.new_context(base_url=desk.url, locale="en-GB")
    other = guest.new_page()
    other.goto("/desk/login")
    other.fill("#user", "minji")
    other.fill("#password", made)
    other.press("#password", "Enter")
    other.wait_for_url("**/desk")
    assert other.locator("nav a:has-text('Access')").count() == 0
    page.goto("/desk/access/user?name=minji")
    page.click("button:has-text('Remove minji')")
    expect(page.locator(".notice.good")).to_be_visible()
    other.goto("/desk/funnel")
    assert "/desk/login" in other.url and page.faults == []
    guest.close()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_barrier(browser: Browser, desk: Served, axe: str, scheme: str) -> None:
    context, page = signed_in(browser, desk, color_scheme=scheme, viewport={"width": 1360, "height": 900})
    barriers = []
    for name, path in PAGES.items():
        page.goto(path)
        settled(page)
        keep(page, f"desk-{name}-{scheme}", full=True)
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for each in found["violations"]:
            if each["impact"] in SERIOUS:
                where = [node["target"] for node in each["nodes"][:3]]
                barriers.append(f"{name}: {each['id']} {where}")
    assert barriers == [] and page.faults == []
    context.close()


@pytest.mark.slow
def test_every_page_speaks_korean_and_fits_a_phone(browser: Browser, desk: Served) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "locale": "ko-KR"}
    context, page = signed_in(browser, desk, **phone)
    wide = []
    for name, path in PAGES.items():
        page.goto(path)
        settled(page)
        assert page.locator("html").get_attribute("lang") == "ko"
        keep(page, f"desk-{name}-ko-phone", full=True)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
    assert wide == [] and page.faults == []
    page.goto("/desk")
    page.click("[data-menu]")
    page.click(".languages button[lang=en]")
    expect(page.locator("h1")).to_have_text("Overview")
    context.close()
