"""Coupons over HTTP: a pool is filled, a visitor is given a code, an order redeems it, the report says what it cost."""

import json
from pathlib import Path
from typing import Any

import pytest

from profiles.model import Profile
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def put(stage: Stage, pool: str, *codes: Any) -> Any:
    return stage.call("PUT", f"/v1/coupons/{pool}", json={"codes": list(codes)})


def shown(stage: Stage, visitor: str) -> Any:
    asked = {"visitor": visitor, "slots": [{"id": "hero", "kind": "offer"}]}
    return stage.call("POST", "/v1/personalize", "wk_test", json=asked).json["slots"]["hero"]["offer"]


def with_campaign(stage: Stage) -> None:
    creative = {"id": "a", "kind": "json", "content": {"title": "Ten percent: {{ coupon }}"}}
    document = {"name": "Ten", "status": "live", "slot": "hero", "coupons": "ten", "creatives": [creative]}
    assert stage.call("PUT", "/v1/campaigns/ten", json=document).status_code == 200


def test_from_the_pool_to_the_report(stage: Stage, clock: Clock) -> None:
    assert put(stage, "ten", "A", "B").json == {"pool": "ten", "free": 2, "issued": 0, "added": 2}
    with_campaign(stage)
    first = shown(stage, "v1")
    assert first["coupon"] == "A" and first["content"] == {"title": "Ten percent: A"}
    assert shown(stage, "v1")["coupon"] == "A"
    assert shown(stage, "v2")["coupon"] == "B"
    assert shown(stage, "v3") is None
    props = json.dumps({"coupon": "a", "discount": 4.5})
    now = int(clock() * 1000)
    order = row(now, type="track", name="Order Completed", order="o1", revenue=40.5, props=props)
    stage.warehouse.append([order, order._replace(id="again")], [], {})
    report = stage.call("GET", "/v1/reports/campaigns/ten").json
    assert report["coupons"] == {
        "pool": "ten",
        "free": 0,
        "issued": 2,
        "orders": 1,
        "codes": 1,
        "revenue": 40.5,
        "discount": 4.5,
        "untold": 0,
    }
    page = stage.desk().get("/desk/campaigns/ten").text
    assert "Coupons redeemed" in page and "€4.50" in page
    assert "2 issued, 0 left" in page


def test_a_pool_is_the_shops_alone(stage: Stage) -> None:
    put(stage, "ten", "A")
    for method in ("GET", "PUT", "DELETE"):
        for key in (None, "wk_test"):
            told = stage.call(method, "/v1/coupons/ten", key, json={"codes": ["B"]})
            assert told.status_code in (401, 403)
    assert stage.call("GET", "/v1/coupons").json == {"pools": [{"pool": "ten", "free": 1, "issued": 0}]}
    assert stage.call("DELETE", "/v1/coupons/ten").status_code == 204
    assert stage.call("GET", "/v1/coupons/ten").status_code == 404
    assert stage.call("DELETE", "/v1/coupons/ten").status_code == 404


def test_what_is_no_code_is_named(stage: Stage) -> None:
    for codes, field in ((["A", ""], "codes[1]"), (["A", 7], "codes[1]"), ([None], "codes[0]")):
        refused = put(stage, "ten", *codes)
        assert refused.status_code == 400 and refused.json["error"]["field"] == field
    assert stage.call("PUT", "/v1/coupons/ten", json={"codes": "A"}).status_code == 400
    assert stage.call("PUT", "/v1/coupons/%20x", json={"codes": ["A"]}).status_code == 400
    assert stage.call("GET", "/v1/coupons").json == {"pools": []}


def test_an_erased_person_leaves_no_code_behind(stage: Stage) -> None:
    put(stage, "ten", "A")
    with_campaign(stage)
    stage.profiles.save("default", [Write("v:v1", ABSENT, Profile("v:v1", visitors=["v1"], subject="v1"))])
    assert shown(stage, "v1")["coupon"] == "A"
    assert stage.call("DELETE", "/v1/profiles/v1").status_code in (200, 202, 204)
    assert shown(stage, "v1") is None, "a stranger again, and the pool is empty"
    assert stage.call("GET", "/v1/coupons/ten").json["issued"] == 1
