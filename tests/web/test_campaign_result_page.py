"""A campaign's page: what it says of nobody and of somebody, and how one version becomes another."""

from pathlib import Path
from typing import Any

import pytest

from offers.campaign.document import parse
from tests.support.campaign_history import CAMPAIGN, play
from tests.support.html import squeezed
from tests.support.machine import Clock
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from web.desk.campaigns.versions import changes


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def put(stage: Stage, **changes: Any) -> None:
    assert stage.call("PUT", "/v1/campaigns/boots", json={**CAMPAIGN, **changes}).status_code == 200


@pytest.mark.redis
@pytest.mark.parametrize(
    ("status", "said"), [("live", "The campaign is live."), ("draft", "The campaign is not live.")]
)
def test_nobody_saw_it_and_nothing_is_claimed(stage: Stage, status: str, said: str) -> None:
    put(stage, status=status)
    page = stage.desk().get("/desk/campaigns/boots").text
    assert "No impressions in this period" in page and said in page
    assert "0%" not in page and "verdict" not in page and "data-plot" not in page


@pytest.mark.redis
def test_the_attribution_window_is_said_in_words(stage: Stage) -> None:
    put(stage, goal={"event": "Order Completed", "window": "36h"})
    desk = stage.desk()
    assert "counts within 1 d 12 h of a click" in squeezed(desk.get("/desk/campaigns/boots").text)
    korean = desk.get("/desk/campaigns/boots", headers={"Accept-Language": "ko"}).text
    assert "클릭 후 1일 12시간 이내" in squeezed(korean)


@pytest.mark.redis
def test_decisions_that_nobody_had_on_screen_are_told(stage: Stage) -> None:
    put(stage, holdout=0, audience="")
    for number in range(3):
        asked = {"visitor": f"v{number}", "slots": [{"id": "hero", "kind": "offer"}]}
        answer = stage.call("POST", "/v1/personalize", json=asked).json
        assert answer["slots"]["hero"]["offer"]["campaign"] == "boots"
    stage.stores.campaigns.decided.flush()
    page = squeezed(stage.desk().get("/desk/campaigns/boots").text)
    assert '<span class="name">Decisions</span><span class="value">3</span>' in page
    assert "no impressions" in page and "data-plot" not in page and "0%" not in page


@pytest.mark.redis
def test_rates_say_what_they_are_rates_of(stage: Stage, redis_url: str) -> None:
    play(stage, "boots", redis_url)
    page = stage.desk().get("/desk/campaigns/boots").text
    figures = page.partition('<div class="figures many">')[2].partition("data-plot")[0]
    names = ["Visitors", "Decisions", "Impressions", "Clicks", "Conversions", "Revenue"]
    assert [each.partition("<")[0] for each in figures.split('class="name">')[1:]][:6] == names
    assert figures.count("of people (95% interval: ") == 2 and "100% of decisions · 70 dismissed" in figures
    assert "Figures are per person" in page
    assert "Click rate: who clicked, of the people who saw it" in page


@pytest.mark.redis
def test_versions_say_who_changed_what_and_can_be_restored(stage: Stage, clock: Clock) -> None:
    stage.users.put("kim", PASSWORD, "marketer")
    put(stage)
    old = stage.campaigns.get("default", "boots")
    clock.now += 60
    put(stage, name="Boots again", holdout=0.1, creatives=[CAMPAIGN["creatives"][0]])
    clock.now += 60
    kim = stage.desk("kim")
    token = csrf_of(kim.get("/desk/campaigns/boots").text)
    kim.post("/desk/campaigns/boots/status", data={"csrf": token, "status": "paused"})
    page = kim.get("/desk/campaigns/boots").text.partition('id="versions"')[2]
    newest, second, first = page.split("<li>")[1:]
    assert "kim" in newest and "<del>Live now</del>" in newest and "<ins>Paused</ins>" in newest
    assert "secret key" in second and "<ins>Boots again</ins>" in second and "<del>30</del>" in second
    assert "<dt>Variant plain</dt>" in second and "the oldest that is kept" in first
    assert "Restore and go live" in first and "/restore" not in newest
    version = first.partition('name="version" value="')[2].partition('"')[0]
    clock.now += 60
    answer = kim.post("/desk/campaigns/boots/restore", data={"csrf": token, "version": version})
    assert answer.headers["Location"] == "/desk/campaigns/boots?saved=restored#versions"
    assert stage.campaigns.get("default", "boots") == old
    assert len(stage.campaigns.versions("default", "boots")) == 4
    assert "was restored" in kim.get("/desk/campaigns/boots?saved=restored").text
    gone = kim.post("/desk/campaigns/boots/restore", data={"csrf": token, "version": "1"})
    assert gone.status_code == 404


def test_changes_are_told_by_field() -> None:
    before = parse({**CAMPAIGN, "id": "boots"})
    creatives = [{**CAMPAIGN["creatives"][0], "weight": 2.5}, {**CAMPAIGN["creatives"][1], "kind": "image"}]
    creatives[1] = {"id": "plain", "kind": "image", "content": {"src": "/b.jpg"}}
    after = parse({**CAMPAIGN, "id": "boots", "budget": {"impressions": 5000}, "creatives": creatives})
    told = [(each.label, each.before, each.after) for each in changes(before, after)]
    assert told == [
        ("Impression limit", "", "5000"),
        ("Variant warm: Weight", "1", "2.5"),
        ("Variant plain: Kind", "JSON, rendered by the page", "image with link"),
        ("Variant plain: Content", '{ "title": "Ten percent off" }', '{ "src": "/b.jpg" }'),
    ]
    assert changes(before, before) == () and changes(None, after) == ()
