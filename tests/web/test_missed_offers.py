"""POST /v1/personalize/missed: what came too late to be shown counts against no cap, and nobody can make more of it."""

import random
from pathlib import Path
from typing import Any

import pytest

from offers.decision import caps
from offers.feedback.token import Token
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

HERO: dict[str, Any] = {
    "name": "Hero",
    "status": "live",
    "slots": ["hero"],
    "caps": [{"limit": 1, "per": per} for per in ("session", "hour", "day", "week", "ever")],
    "creatives": [{"id": "a", "kind": "html", "content": "<p>Hello</p>"}],
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    save(stage)
    return stage


def save(stage: Stage, **more: Any) -> None:
    assert stage.call("PUT", "/v1/campaigns/hero", json={**HERO, **more}).status_code == 200


def shown(stage: Stage, visitor: str = "a1") -> str | None:
    """The token of what is decided for the slot now."""
    body = {"visitor": visitor, "slots": [{"id": "hero", "kind": "offer"}]}
    slot = stage.call("POST", "/v1/personalize", "wk_test", json=body).json["slots"]["hero"]
    return slot.get("token")


def missed(stage: Stage, token: str | None, visitor: str = "a1") -> Any:
    response = stage.call("POST", "/v1/personalize/missed", None, json={"visitor": visitor, "token": token})
    return response.json.get("returned", response.status_code)


def test_what_was_not_shown_counts_against_no_cap_once(stage: Stage) -> None:
    token = shown(stage)
    assert token and shown(stage) is None
    assert missed(stage, token) is True
    assert (again := shown(stage)) and again != token
    assert missed(stage, token) is False  # told twice
    assert shown(stage) is None


def test_only_whom_it_was_made_for_within_a_minute(stage: Stage, clock: Clock) -> None:
    token = shown(stage)
    assert token
    assert missed(stage, token, "b2") == 400
    assert missed(stage, token[:-1] + ("A" if token[-1] != "A" else "B")) == 400
    clock.now += 61
    assert missed(stage, token) == 400
    assert shown(stage) is None


def test_a_decision_that_was_withheld_or_made_for_nobody_is_not_returned(stage: Stage) -> None:
    signer, now = stage.stores.campaigns.signer, int(stage.stores.clock() * 1000)
    for owner, held in (("", False), (shown_owner(stage), True)):
        token = Token("default", "hero", "a", "hero", 1.0, now, "", "n", held, owner)
        assert missed(stage, signer.sign(token)) == 400


def shown_owner(stage: Stage) -> str:
    token = shown(stage)
    assert token
    return stage.stores.campaigns.signer.read(token, "default", int(stage.stores.clock() * 1000)).owner


def test_a_visitor_cannot_return_without_end(stage: Stage) -> None:
    told = [missed(stage, shown(stage)) for _ in range(caps.RETURNED_KEPT)]
    assert told == [True] * caps.RETURNED_KEPT
    assert missed(stage, shown(stage)) is False
    assert shown(stage) is None


def test_the_limit_of_all_offers_is_given_back_too(stage: Stage) -> None:
    save(stage, caps=[])
    limit = caps.FATIGUE[0].limit
    tokens = [shown(stage) for _ in range(limit)]
    assert all(tokens) and shown(stage) is None
    assert missed(stage, random.choice(tokens)) is True
    assert shown(stage) and shown(stage) is None


def test_what_a_new_hour_counted_stays(stage: Stage, clock: Clock) -> None:
    """The decision was the old hour's; the new one's is none of it."""
    save(stage, caps=[{"limit": 1, "per": "hour"}])
    clock.now += 3600 - clock.now % 3600 - 10
    token = shown(stage)
    clock.now += 20
    assert token and shown(stage)
    assert missed(stage, token) is True
    assert shown(stage) is None
