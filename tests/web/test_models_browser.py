"""The models page in a real browser: a training's progress moves by itself; no barriers, on a phone neither."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from recommender.data.params import Params
from recommender.model.card import Card
from recommender.training.progress import Progress
from recommender.training.train import train
from tests.support.browser import keep
from tests.support.desk_browser import SERIOUS, WAIT, Served, served, signed_in
from tests.support.machine import RedisServer
from tests.support.recommender_histories import TableHistory, shop_history
from tests.support.web_stage import stage_of
from tracker.sites import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(tmp_path: Path, own_redis: RedisServer, site: Site) -> Iterator[Served]:
    stage = stage_of(tmp_path, own_redis.url, site, time.time)
    registry = stage.stores.models.shops("default").registry
    for visitors in (100, 300):  # twice as much is known each time
        train("default", TableHistory(shop_history(visitors)), registry, Params(iterations=1))
    with served(stage) as desk:
        yield desk


@pytest.mark.slow
def test_a_training_is_asked_for_and_watched(browser: Browser, desk: Served, axe: str) -> None:
    context, page = signed_in(browser, desk, viewport={"width": 390, "height": 844})
    page.goto("/desk/models")
    page.click("text=Train now")
    expect(page.locator(".notice")).to_contain_text("Training requested")
    registry = desk.stage.stores.models.shops("default").registry
    older = registry.cards()[-1].version

    def watched(progress: Progress) -> Card:
        progress.stage("judge")
        expect(page.locator(".notice")).to_contain_text("Comparing with the live model", timeout=WAIT)
        keep(page, "desk-models-training", full=True)
        return train("default", TableHistory(shop_history(900)), registry, Params(iterations=1))

    card = desk.stage.stores.models.runs.run("default", watched)
    expect(page.locator(".notice.good")).to_contain_text(card.version, timeout=WAIT)
    page.locator(".notice.good a").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("tbody tr", has=page.get_by_text(older, exact=True)).locator("button").first.click()
    expect(page.locator("tbody tr", has=page.get_by_text("In use", exact=True)).locator("code")).to_have_text(
        older
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing to scroll aside"
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [each["id"] for each in found["violations"] if each["impact"] in SERIOUS] == []
    assert page.faults == []
    context.close()
