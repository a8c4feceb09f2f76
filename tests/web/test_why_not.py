"""Why (not): what the API and the desk say of a campaign for one person is what the decision does."""

import re
from pathlib import Path
from typing import Any

import pytest

from offers.campaign.document import parse
from offers.decision.budget import BudgetStore
from profiles.model import Consent, Counts, Exposure, Profile
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis
NOW = 1_795_000_000_000


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    mina = Profile(
        "u:mina", visitors=["a1"], user="mina", first_seen=NOW, last_seen=NOW, counts=Counts(orders=2)
    )
    stage.profiles.save("default", [Write("u:mina", ABSENT, mina)])
    stage.stores.campaigns.decider._budgets = BudgetStore(redis_url, timeout=10)
    return stage


def campaign(stage: Stage, **more: Any) -> None:
    document = {
        "name": "Spring",
        "status": "live",
        "slots": ["hero"],
        "creatives": [{"id": "a", "kind": "html", "content": "<p>Hi</p>"}],
        **more,
    }
    assert stage.call("PUT", "/v1/campaigns/spring", json=document).status_code in (200, 201)


def why(stage: Stage, who: str = "mina") -> Any:
    return stage.call("GET", f"/v1/profiles/{who}/why/spring").json


def shown(stage: Stage) -> bool:
    asked = {"user": "mina", "slots": [{"id": "hero", "kind": "offer"}]}
    return stage.call("POST", "/v1/personalize", json=asked).json["slots"]["hero"].get("offer") is not None


def stops(stage: Stage) -> list[str]:
    return [each["gate"] for each in why(stage)["answers"] if not each["passes"]]


@pytest.mark.parametrize(
    ("more", "gates"),
    [
        ({}, []),
        ({"audience": "orders > 1"}, []),
        ({"audience": "orders > 5"}, ["audience"]),
        ({"status": "paused"}, ["running"]),
        ({"end": "2020-01-01"}, ["running"]),
        ({"holdout": 0.9}, ["holdout"]),
        ({"budget": {"impressions": 0}}, ["budget"]),
    ],
)
def test_each_gate_is_told_and_the_decision_agrees(stage: Stage, more: Any, gates: list[str]) -> None:
    campaign(stage, **more)
    assert stops(stage) == gates and why(stage)["granted"] == (not gates)
    assert shown(stage) == (not gates)


def test_asking_counts_nothing_and_a_cap_that_is_reached_is_told(stage: Stage) -> None:
    campaign(stage, caps=[{"limit": 1, "per": "day"}], budget={"impressions": 1})
    for _ in range(30):
        assert stops(stage) == []
    assert shown(stage)
    assert "cap" in stops(stage) and not shown(stage)


def test_without_consent_to_personalization_and_after_a_dismissal(stage: Stage) -> None:
    def change(profile: Profile) -> Profile:
        profile.consents = [Consent("personalization", False, NOW)]
        profile.exposure = {"spring": Exposure(1, 0, NOW, NOW)}
        return profile

    campaign(stage, audience="orders > 1")
    stage.profiles.update("default", "u:mina", change)
    assert stops(stage) == ["audience", "consent", "dismissed"] and not shown(stage)


def test_a_message_has_the_gates_of_the_sender(stage: Stage) -> None:
    send = {"channel": "sms", "when": {"on": "Order Completed"}, "topic": "sale", "quiet": ["22:00", "22:30"]}
    creatives = [{"id": "a", "kind": "json", "content": {"text": "Hi"}}]
    document = {"id": "spring", "name": "Spring", "status": "live", "send": send, "creatives": creatives}
    stage.campaigns.put("default", parse(document), NOW)
    assert {"consent", "address", "law"} <= set(stops(stage))

    def agree(profile: Profile) -> Profile:
        profile.traits, profile.country = {"phone": "010-1"}, "KR"
        profile.consents = [Consent("marketing", True, NOW - 9, text_version="v1", source="checkout")]
        return profile

    stage.profiles.update("default", "u:mina", agree)
    told = why(stage)
    assert (
        stops(stage) == ["law"]
        and "contact" in next(e for e in told["answers"] if e["gate"] == "law")["reason"]
    )
    assert (
        told["channel"] == "sms" and told["label"] == "(광고)" and told["footer"][-1].startswith("To refuse")
    )
    messages = stage.stores.messages
    messages.suppressed.add(
        "default", messages.addresses.digest("default", "sms", "010-1", "KR"), "manual", NOW
    )
    assert "suppression" in stops(stage)
    page = stage.desk().get("/desk/visitors/u:mina?why=spring").text
    assert "It would not be sent now." in page and "added by the shop" in page


def test_who_may_ask_and_of_what(stage: Stage) -> None:
    campaign(stage)
    assert stage.call("GET", "/v1/profiles/mina/why/none").status_code == 404
    assert stage.call("GET", "/v1/profiles/nobody/why/spring").status_code == 404
    assert stage.call("GET", "/v1/profiles/mina/why/spring", "wk_test").status_code in (401, 403)
    assert stage.client.get("/v1/profiles/mina/why/spring").status_code == 401


def test_the_desk_says_it_in_words(stage: Stage) -> None:
    campaign(stage, audience="orders > 5")
    desk = stage.desk()
    page = desk.get("/desk/visitors/u:mina").text
    assert 'value="spring"' in page and "stops it" not in page
    page = desk.get("/desk/visitors/u:mina?why=spring").text
    assert (
        "It is not shown now." in page and len(re.findall("stops it", page)) == 1 and "orders &gt; 5" in page
    )
    assert desk.get("/desk/visitors/u:mina?why=none").status_code == 404
    korean = desk.get("/desk/visitors/u:mina?why=spring", headers={"Cookie": "dangol_language=ko"})
    assert korean.status_code in (200, 302)
