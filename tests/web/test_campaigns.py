"""Campaigns over HTTP: items inside offers, what was dismissed, versions, and the report of one campaign."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from profiles.model import Affinity, EventCount, Profile
from profiles.store.port import ABSENT, Alias, Write
from tests.support.campaign_history import CAMPAIGN, play
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.durations import DAY_MS
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


def test_who_asks_decides_what_placeholders_tell(stage: Stage) -> None:
    mina = Profile(
        id="u:mina",
        user="mina",
        visitors=["a1"],
        traits={"first_name": "<b>Mina", "email": "mina@example.com"},
        affinities={"shoes": Affinity(2.0, 1_795_000_000_000)},
    )
    alias = Write("v:a1", ABSENT, Alias("u:mina"))
    stage.profiles.save("default", [Write(mina.id, ABSENT, mina), alias])
    text = "{{ trait.first_name | you }} {{ top_category | everything }}"
    put(stage, "hero", creatives=[{"id": "a", "kind": "html", "content": text}])

    def told(key: str, **who: str) -> str:
        asked = {**who, "slots": [{"id": "hero", "kind": "offer"}]}
        answer = stage.call("POST", "/v1/personalize", key, json=asked).json
        return str(answer["slots"]["hero"]["offer"]["content"]["html"])

    assert told("wk_test", user="mina") == "you everything"
    assert told("wk_test", user="mina", visitor="zz") == "you everything"
    assert told("wk_test", visitor="a1") == "you shoes"
    assert told("wk_test", visitor="a1", user="mina") == "you shoes"
    assert told("sk_test", user="mina") == "&lt;b&gt;Mina shoes"
    refused = put(stage, "hero", creatives=[{"id": "a", "kind": "html", "content": "{{ trait.email }}"}])
    assert refused.status_code == 400 and refused.json["error"]["field"] == "creatives[0].content"


def test_what_a_visitor_dismissed_gives_way_to_the_next(stage: Stage) -> None:
    put(stage, "first", priority=2)
    put(stage, "second", priority=1)
    assert shown(stage)["offer"]["campaign"] == "first"
    assert shown(stage, dismissed=["first"])["offer"]["campaign"] == "second"
    assert shown(stage, dismissed=["first", "second"]) == {"offer": None}
    too_many = {"slots": [{"id": "a", "kind": "offer"}], "dismissed": ["x"] * 51}
    refused = stage.call("POST", "/v1/personalize", "wk_test", json=too_many)
    assert refused.status_code == 400 and refused.json["error"]["field"] == "dismissed"


def test_decisions_are_known_without_a_holdout(stage: Stage, clock: Clock) -> None:
    two = [{"id": name, "kind": "json", "content": {"t": name}} for name in "ab"]
    put(stage, "hero", creatives=two, allocation="fixed")
    put(stage, "cart", slot="cart")
    both = [{"id": slot, "kind": "offer"} for slot in ("hero", "cart", "nowhere")]
    for number in range(12):
        stage.call("POST", "/v1/personalize", "wk_test", json={"visitor": f"v{number}", "slots": both})
    stage.call("POST", "/v1/personalize", "wk_test", json={"slots": both})  # nobody who can be recognised
    stage.web.close()
    report = stage.call("GET", "/v1/reports/campaigns/hero").json
    assert report["total"]["decisions"] == 13 and report["total"]["impressions"] == 0
    assert sum(each["decisions"] for each in report["variants"]) == 13
    assert [(each["name"], each["decisions"]) for each in report["stages"]] == [("prospect", 13)]
    assert [each["decisions"] for each in report["days"]] == [13]
    assert stage.call("GET", "/v1/reports/campaigns/cart").json["total"]["decisions"] == 13
    noon = report["days"][0]["name"] + "T12:00:00"
    part = stage.call("GET", f"/v1/reports/campaigns/hero?from={noon}").json
    assert part["total"]["decisions"] is None  # of a part of a day nobody knows
    consumer = stage.stores.log.consumer("test", "one")
    assert consumer.poll(100, 0.1) == []  # and no event was made


def test_decisions_under_a_holdout_are_everybody_s_though_not_all_are_logged(stage: Stage) -> None:
    put(stage, "hero", holdout=0.5)
    slots, shown = [{"id": "hero", "kind": "offer"}], 0
    for number in range(20):
        asked = {"visitor": f"v{number}", "slots": slots}
        headers = {"DNT": "1"} if number % 2 else {}
        told = stage.call("POST", "/v1/personalize", "wk_test", json=asked, headers=headers).json
        shown += told["slots"]["hero"]["offer"] is not None
    stage.web.close()
    assert 0 < shown < 20
    assert stage.call("GET", "/v1/reports/campaigns/hero").json["total"]["decisions"] == shown


def test_every_version_is_kept(stage: Stage, clock: Clock) -> None:
    put(stage, "hero")
    clock.advance(60)
    put(stage, "hero", name="Hero again")
    stage.call("DELETE", "/v1/campaigns/hero")
    versions = stage.call("GET", "/v1/campaigns/hero/versions").json["versions"]
    assert [each["campaign"] and each["campaign"]["name"] for each in versions] == [
        None,
        "Hero again",
        "Hero",
    ]
    assert versions[1]["saved"] - versions[2]["saved"] == 60_000
    assert stage.call("GET", "/v1/campaigns/other/versions").json["error"]["field"] == "id"


def test_the_report_of_one_campaign(stage: Stage, redis_url: str, clock: Clock) -> None:
    play(stage, "boots", redis_url)
    stage.call("PUT", "/v1/segments/shoes", json={"name": "Shoes", "audience": "affinity('shoes') > 0.5"})
    stage.evaluate_segments(clock)
    report = stage.call("GET", "/v1/reports/campaigns/boots").json
    (likes,) = report["segments"]
    assert likes["name"] == "shoes" and likes["clicks"] == report["total"]["clicks"] > 0
    assert likes["impressions"] < report["total"]["impressions"]
    total, variants = report["total"], {each["name"]: each for each in report["variants"]}
    assert total["impressions"] == sum(each["impressions"] for each in variants.values())
    assert total["impressions"] == total["decisions"] and total["impressions"] + report["withheld"] == 600
    for name in ("decisions", "impressions", "clicks", "dismissals", "conversions"):
        assert sum(each[name] for each in report["days"]) == total[name] > 0
    assert total["dismissals"] == sum(each["dismissals"] for each in variants.values())
    assert {each["name"] for each in report["devices"]} == {"phone", "desktop"}
    warm, plain = variants["warm"], variants["plain"]
    assert warm["ctr"]["low"] < 0.3 < warm["ctr"]["high"] and plain["ctr"]["low"] < 0.1 < plain["ctr"]["high"]
    assert not warm["winner"] and not plain["winner"]  # long before the people of the plan are there
    assert warm["instead"]["snips"]["value"] == pytest.approx(warm["ctr"]["value"])
    comparison = report["comparison"]
    groups = comparison["lift"]["shown"]["visitors"] + comparison["lift"]["withheld"]["visitors"]
    assert groups + comparison["open"] == 600 and comparison["open"] > 0
    rate = comparison["lift"]["rate"]
    assert (
        rate["low"] < rate["value"] < rate["high"] and not comparison["mismatch"]
    )  # of so few nothing is shown
    assert comparison["lift"]["incremental"]["value"] > 0
    everybody = report["learned"][0]
    assert (everybody["slot"], everybody["context"]) == ("hero", "")
    played = {each["variant"]: each["share"] for each in everybody["beliefs"]}
    assert played["warm"] > 0.9 and played["plain"] >= 0.01
    assert report["refused"] == {"forged": 1}
    proposed = stage.call("GET", "/v1/reports/campaigns/boots/expansion").json["proposed"]
    assert "affinity('shoes')" in proposed["audience"] and proposed["density"] > 1.5
    assert stage.call("GET", "/v1/reports/campaigns/other").status_code == 404
    assert stage.call("GET", "/v1/reports/campaigns/boots", "wk_test").status_code == 403


@pytest.mark.slow
def test_reports_of_campaigns_as_files(stage: Stage, redis_url: str) -> None:
    play(stage, "boots", redis_url)
    report = stage.call("GET", "/v1/reports/campaigns/boots").json

    def file(path: str) -> list[dict[str, str]]:
        answer = stage.call("GET", f"/v1/reports/campaigns{path}")
        assert answer.mimetype == "text/csv"
        return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    for table in ("variants", "days", "stages", "devices", "channels", "segments"):
        rows = file(f"/boots?format=csv&table={table}")
        told = [(each["name"], str(each["dismissals"]), str(each["decisions"])) for each in report[table]]
        assert [(row["name"], row["dismissals"], row["decisions"]) for row in rows] == told
    warm = next(row for row in file("/boots?format=csv") if row["name"] == "warm")
    assert warm["winner"].lower() == "false" and int(warm["dismissals"]) > 0
    listed = {row["variant"]: row for row in file("?format=csv")}
    assert listed["warm"]["campaign"] == "boots" and listed["warm"]["dismissals"] == warm["dismissals"]
    refused = stage.call("GET", "/v1/reports/campaigns/boots?format=csv&table=people")
    assert refused.status_code == 400 and refused.json["error"]["field"] == "table"


def test_an_audience_asks_how_often_any_event_happened(stage: Stage, clock: Clock) -> None:
    now = int(clock() * 1000)
    for number, tally in enumerate((EventCount(3, now - 8 * DAY_MS), EventCount(2, now - DAY_MS), None)):
        tallies = {"Newsletter Signed Up": tally} if tally else {}
        profile = Profile(f"v:{number}", visitors=[str(number)], last_seen=now, event_counts=tallies)
        stage.profiles.save("default", [Write(profile.id, ABSENT, profile)])
    asked = "count('Newsletter Signed Up') >= 2 and days_since('Newsletter Signed Up') < 7"
    told = stage.call("POST", "/v1/audiences/preview", json={"audience": asked, "visitor": "0"}).json
    assert (told["size"], told["sample"]) == (1, ["v:1"])
    assert told["visitor"]["failed"] == [
        {"clause": "days_since('Newsletter Signed Up') < 7", "matched": False, "value": 8.0}
    ]
    made = stage.call("PUT", "/v1/segments/readers", json={"name": "Readers", "audience": asked})
    assert made.status_code == 200
    stage.evaluate_segments(clock)
    assert stage.call("GET", "/v1/segments/readers").json["members"] == 1
    windowed = stage.call(
        "POST", "/v1/audiences/preview", json={"audience": "count('Product Viewed', 7) > 1"}
    )
    assert windowed.status_code == 400
    assert "days_since('Product Viewed') < 7" in windowed.json["error"]["message"]


def test_group_sizes_that_no_draw_gives_are_a_warning(stage: Stage, redis_url: str) -> None:
    play(stage, "boots", redis_url, holdout=0.6)  # three tenths are held out all the same
    comparison = stage.call("GET", "/v1/reports/campaigns/boots").json["comparison"]
    assert comparison["mismatch"] and comparison["chance"] < 0.001


@pytest.mark.parametrize("holdout", [0.6, 0.0])
def test_another_share_leaves_who_is_enrolled_as_they_were(
    stage: Stage, redis_url: str, holdout: float
) -> None:
    play(stage, "boots", redis_url)
    before = stage.call("GET", "/v1/reports/campaigns/boots").json["comparison"]
    assert before["lift"] is not None and not before["mismatch"]
    stage.call("PUT", "/v1/campaigns/boots", json={**CAMPAIGN, "holdout": holdout})
    assert stage.call("GET", "/v1/reports/campaigns/boots").json["comparison"] == before


def test_the_report_of_a_campaign_that_nobody_met(stage: Stage) -> None:
    put(stage, "hero", holdout=0.1)
    report = stage.call("GET", "/v1/reports/campaigns/hero").json
    assert report["total"]["impressions"] == 0 and report["comparison"]["lift"] is None
    assert report["variants"][0]["instead"] is None and report["learned"] == []
    assert stage.call("GET", "/v1/reports/campaigns/hero/expansion").json["proposed"] is None


def test_when_redis_hangs_or_is_down_a_fallback_creative_is_shown(
    tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock
) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock, personalize_seconds=0.5)
    put(stage, "best", priority=9, caps={"limit": 99, "per": "day"})
    two = [{"id": name, "kind": "json", "content": {"title": name}} for name in "ab"]
    put(stage, "plain", tier="fallback", creatives=two)
    put(stage, "rare", tier="fallback", priority=5, caps={"limit": 1, "per": "day"})
    deadline = time.monotonic() + 30
    while (shown(stage)["offer"] or {}).get("campaign") != "best" and time.monotonic() < deadline:
        time.sleep(0.1)  # a worker reads new campaigns twice a second, on a busy machine later
    with redis.Redis.from_url(own_redis.url) as admin:
        admin.client_pause(60_000, all=True)
    for visitor in ("a", "b", "c"):
        slot = shown(stage, visitor)
        assert slot["offer"]["campaign"] == "plain" and slot["token"]
        assert shown(stage, visitor, dismissed=["plain"]) == {"offer": None}
    with (
        redis.Redis.from_url(own_redis.url, socket_timeout=0.2) as client,
        pytest.raises(redis.exceptions.RedisError),
    ):
        client.ping()  # all of this while Redis still said nothing
    own_redis.kill()
    assert shown(stage)["offer"]["campaign"] == "plain"
    token = stage.stores.campaigns.signer.read(shown(stage)["token"], "default", int(clock() * 1000))
    assert token.campaign == "plain"
