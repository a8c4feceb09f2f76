"""Campaigns over HTTP: items inside offers, what was dismissed, versions, and the report of one campaign."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from web_stage import Stage, stage_of

from tracker.sites import Site

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def campaign(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Hero",
        "status": "live",
        "slot": "hero",
        "creatives": [{"id": "a", "kind": "json", "content": {"title": "Hi"}}],
        **changes,
    }


def put(stage: Stage, campaign_id: str, **changes: Any) -> Any:
    return stage.call("PUT", f"/v1/campaigns/{campaign_id}", json=campaign(**changes))


def shown(stage: Stage, visitor: str = "a", **more: Any) -> Any:
    asked = {"visitor": visitor, "slots": [{"id": "hero", "kind": "offer"}], **more}
    answer = stage.call("POST", "/v1/personalize", "wk_test", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json["slots"]["hero"]


def test_an_offer_brings_the_items_that_belong_inside(stage: Stage) -> None:
    items = [{"id": f"p{n}", "name": f"Thing {n}", "category": "shoes"} for n in range(5)]
    assert stage.call("PUT", "/v1/items", json={"items": items}).status_code == 200
    inside = {
        "id": "a",
        "kind": "html",
        "content": "<p>New</p>",
        "items": {"strategy": "popular", "limit": 2},
    }
    assert put(stage, "hero", creatives=[inside]).status_code == 200
    slot = shown(stage)
    assert slot["offer"]["content"] == {"html": "<p>New</p>"} and slot["token"]
    assert len(slot["items"]) == 2 and slot["items"][0]["name"].startswith("Thing")
    refused = put(stage, "hero", creatives=[{**inside, "items": {"strategy": "psychic"}}])
    assert refused.status_code == 400
    assert refused.json["error"]["field"] == "creatives[0].items.strategy"


def test_what_a_visitor_dismissed_gives_way_to_the_next(stage: Stage) -> None:
    put(stage, "first", priority=2)
    put(stage, "second", priority=1)
    assert shown(stage)["offer"]["campaign"] == "first"
    assert shown(stage, dismissed=["first"])["offer"]["campaign"] == "second"
    assert shown(stage, dismissed=["first", "second"]) == {"offer": None}
    too_many = {"slots": [{"id": "a", "kind": "offer"}], "dismissed": ["x"] * 51}
    refused = stage.call("POST", "/v1/personalize", "wk_test", json=too_many)
    assert refused.status_code == 400 and refused.json["error"]["field"] == "dismissed"
