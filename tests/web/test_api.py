"""Keys, items, campaigns, profiles, health, and the shape of every refusal."""

import base64
import csv
import io
from pathlib import Path
from typing import Any

import pytest

from profiles.model import Counts, ItemTouch, Profile
from profiles.store.port import Write
from tests.support.desk_rows import HOSTILE, at, fill, visit
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

CAMPAIGN: dict[str, Any] = {
    "name": "Shoes",
    "status": "live",
    "slots": ["hero"],
    "audience": "stage = 'prospect'",
    "creatives": [{"id": "a", "kind": "json", "content": {"title": "Hi"}}],
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


SECRET_PATHS = [
    ("GET", "/v1/items"),
    ("PUT", "/v1/items"),
    ("GET", "/v1/items/p1"),
    ("PUT", "/v1/items/p1"),
    ("DELETE", "/v1/items/p1"),
    ("GET", "/v1/campaigns"),
    ("GET", "/v1/campaigns/c1"),
    ("PUT", "/v1/campaigns/c1"),
    ("DELETE", "/v1/campaigns/c1"),
    ("GET", "/v1/profiles/a1"),
    ("DELETE", "/v1/profiles/a1"),
]


@pytest.mark.parametrize(("method", "path"), SECRET_PATHS)
def test_a_write_key_reads_nothing(stage: Stage, method: str, path: str) -> None:
    missing = stage.call(method, path, None, json={})
    assert missing.status_code == 401 and missing.json["error"]["code"] == "unauthorized"
    assert "WWW-Authenticate" in missing.headers
    assert stage.call(method, path, "wrong", json={}).status_code == 401
    public = stage.call(method, path, "wk_test", json={})
    assert public.status_code == 403 and public.json["error"]["code"] == "forbidden"
    assert stage.call(method, path, "sk_test", json={}).status_code not in (401, 403)


def test_a_key_may_come_in_each_of_the_ways(stage: Stage) -> None:
    basic = base64.b64encode(b"sk_test:").decode()
    for headers in ({"Authorization": f"Basic {basic}"}, {"Authorization": "Bearer sk_test"}):
        assert stage.client.get("/v1/items", headers=headers).status_code == 200
    assert stage.client.get("/v1/items?writeKey=sk_test").status_code == 200
    slots = {"slots": [{"id": "a", "kind": "offer"}]}
    for name in ("writeKey", "write_key"):
        assert stage.client.post("/v1/personalize", json={**slots, name: "wk_test"}).status_code == 200
    for junk in ("Basic", "Basic !!!", "Basic Og==", "Bearer", "Digest x", "Bearer \u00e9"):
        assert stage.client.get("/v1/items", headers={"Authorization": junk}).status_code == 401


def test_items_are_put_read_listed_and_deleted(stage: Stage) -> None:
    item = {"id": "p1", "name": "Boot", "category": "shoes", "price": 79.5, "url": "/p/1", "colour": "red"}
    assert stage.call("PUT", "/v1/items", json={"items": [item, {"id": "p2"}]}).json == {"items": 2}
    assert stage.call("GET", "/v1/items/p1").json == {**item, "image": "", "available": True}
    assert stage.call("PUT", "/v1/items/p3", json={"name": "Sock"}).json["id"] == "p3"
    listed = stage.call("GET", "/v1/items?limit=2").json
    assert listed["total"] == 3 and [one["id"] for one in listed["items"]] == ["p1", "p2"]
    assert stage.call("DELETE", "/v1/items/p1").status_code == 204
    assert stage.call("GET", "/v1/items/p1").status_code == 404
    assert stage.call("DELETE", "/v1/items/p1").status_code == 404


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"items": [{"name": "no id"}]}, "items[0].id"),
        ({"items": [{"id": "a", "price": "cheap"}]}, "items[0].price"),
        ({"items": [{"id": "a", "price": -1}]}, "items[0].price"),
        ({"items": [{"id": "a", "url": "javascript:alert(1)"}]}, "items[0].url"),
        ({"items": [{"id": "x" * 200}]}, "items[0].id"),
        ({"items": "all"}, "items"),
        ({}, "items"),
        ([[]], "items[0]"),
    ],
)
def test_bad_items_are_refused_with_the_field(stage: Stage, document: Any, field: str) -> None:
    answer = stage.call("PUT", "/v1/items", json=document)
    assert answer.status_code == 400 and answer.json["error"]["field"] == field
    assert stage.call("GET", "/v1/items").json["total"] == 0


def test_item_paths_and_queries_that_make_no_sense(stage: Stage) -> None:
    assert stage.call("PUT", "/v1/items/p1", json={"id": "p2"}).json["error"]["field"] == "id"
    assert stage.call("PUT", "/v1/items/p1", json=[1]).status_code == 400
    assert stage.call("GET", "/v1/items?limit=-1").json["error"]["field"] == "limit"
    assert stage.call("GET", "/v1/items?limit=٣").status_code == 400
    assert stage.call("GET", f"/v1/items/{'x' * 5000}").status_code == 404


def test_campaigns_are_put_read_listed_and_deleted(stage: Stage) -> None:
    put = stage.call("PUT", "/v1/campaigns/c1", json=CAMPAIGN)
    assert put.status_code == 200 and put.json["id"] == "c1"
    assert stage.call("GET", "/v1/campaigns/c1").json == put.json
    assert [one["id"] for one in stage.call("GET", "/v1/campaigns").json["campaigns"]] == ["c1"]
    assert stage.call("DELETE", "/v1/campaigns/c1").status_code == 204
    assert stage.call("GET", "/v1/campaigns/c1").status_code == 404
    assert stage.call("DELETE", "/v1/campaigns/c1").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"audience": "stage ="}, "audience"),
        ({"audience": "__import__('os')"}, "audience"),
        ({"creatives": []}, "creatives"),
        ({"slots": 7}, "slots"),
        ({"tier": "golden"}, "tier"),
        ({"surprise": 1}, None),
    ],
)
def test_bad_campaigns_are_refused(stage: Stage, change: dict[str, Any], field: str | None) -> None:
    answer = stage.call("PUT", "/v1/campaigns/c1", json={**CAMPAIGN, **change})
    assert answer.status_code == 400, answer.text
    if field:
        assert answer.json["error"]["field"] == field


def test_a_profile_is_read_whole_and_erased(stage: Stage) -> None:
    profile = Profile(
        id="u:c7",
        visitors=["a1"],
        user="c7",
        traits={"email": "a@b.example"},
        counts=Counts(visits=3, orders=1, revenue=20.0),
        items=[ItemTouch("p1", "view", 5)],
    )
    stage.profiles.save("default", [Write("u:c7", b"", profile)])
    for who in ("c7", "u:c7"):
        found = stage.call("GET", f"/v1/profiles/{who}").json
        assert found["id"] == "u:c7" and found["traits"] == {"email": "a@b.example"}
        assert found["counts"]["orders"] == 1 and found["items"][0]["item"] == "p1"
        assert "positions" not in found and "seen" not in found
    assert "u:c7" in stage.call("DELETE", "/v1/profiles/c7").json["erased"]
    for method in ("GET", "DELETE"):
        assert stage.call(method, "/v1/profiles/c7").status_code == 404


def test_ids_with_slashes_and_markup_are_ids_too(stage: Stage) -> None:
    for who in ("a/b", "<script>", "x" * 5000, "%0a", "u:", "v:"):
        answer = stage.call("GET", f"/v1/profiles/{who}")
        assert answer.status_code == 404 and answer.json["error"]["field"] == "id"


def test_every_refusal_is_json(stage: Stage) -> None:
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/v1/personalize", 405),
        ("POST", "/v1/items", 405),
    ):
        answer = stage.call(method, path)
        assert answer.status_code == status
        assert set(answer.json["error"]) == {"code", "message", "field"}
    assert "POST" in stage.call("GET", "/v1/personalize").headers["Allow"]
    large = stage.call("PUT", "/v1/items/p1", data=b"x" * 100_000)
    assert large.status_code == 413 and large.json["error"]["code"] == "too_large"


def test_a_fault_of_ours_is_json_and_says_nothing_of_us(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(type(stage.campaigns), "all", broken)
    answer = stage.call("GET", "/v1/campaigns")
    assert answer.status_code == 500 and answer.json["error"]["code"] == "internal"
    assert "secret" not in answer.text and "a secret of ours" in caplog.text


def test_stores_that_are_down_are_503_with_the_remedy(
    tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock
) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock)
    assert stage.call("GET", "/readyz", None).json["status"] == "ready"
    own_redis.kill()
    for path in ("/v1/items", "/v1/campaigns", "/v1/profiles/a1"):
        answer = stage.call("GET", path)
        assert answer.status_code == 503 and answer.json["error"]["code"] == "unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
    ready = stage.call("GET", "/readyz", None)
    assert ready.status_code == 503
    assert ready.json["checks"] == {"log": "ok", "profiles": "unavailable", "warehouse": "ok"}
    assert stage.call("GET", "/healthz", None).status_code == 200


def test_metrics_count_requests_by_endpoint(stage: Stage) -> None:
    stage.call("GET", "/v1/items")
    stage.call("GET", "/v1/made-up-by-a-scanner")
    text = stage.call("GET", "/metrics", None).text
    assert 'dangol_http_requests_total{endpoint="items.listed",status="200"} 1.0' in text
    assert 'endpoint="none",status="404"' in text and "made-up" not in text
    assert "dangol_ingest_lag_events 0.0" in text


def test_metrics_are_for_this_machine_or_the_secret_key(stage: Stage) -> None:
    def scrape(**headers: str) -> int:
        return stage.client.get("/metrics", headers=headers).status_code

    assert scrape() == 200
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert scrape(**proxied) == 401
    assert scrape(**proxied, Authorization="Bearer wk_test") == 403
    assert scrape(**proxied, Authorization="Bearer sk_test") == 200
    assert scrape(Host="shop.example") == scrape(**{"X-Forwarded-Proto": "https"}) == 401
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert stage.client.get("/metrics", environ_base=elsewhere).status_code == 401


def test_keys_of_sites_made_later_are_known(stage: Stage) -> None:
    stage.stores.sites.save(Site(id="second", write_key="wk_2", secret_key="sk_2"))
    assert stage.call("GET", "/v1/items", "sk_2").status_code == 200


def test_sites_do_not_see_each_other(stage: Stage) -> None:
    stage.stores.sites.save(Site(id="second", write_key="wk_2", secret_key="sk_2"))
    stage.call("PUT", "/v1/items/p1", json={})
    stage.call("PUT", "/v1/campaigns/c1", json=CAMPAIGN)
    assert stage.call("GET", "/v1/items", "sk_2").json["total"] == 0
    assert stage.call("GET", "/v1/campaigns/c1", "sk_2").status_code == 404


def test_erasing_takes_the_history_along(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    profile = Profile(id="v:a", visitors=["a"])
    stage.profiles.save("default", [Write("v:a", b"", profile)])
    before = stage.call("GET", "/v1/reports/overview").json["visitors"]
    clock.advance(60)
    answer = stage.call("DELETE", "/v1/profiles/a")
    assert (answer.status_code, answer.json) == (202, {"erased": ["v:a"]})
    stage.erasure.run()
    assert stage.call("GET", "/v1/reports/overview").json["visitors"] == before - 1


STEPS = "step=page:*&step=event:Product+Viewed&step=event:Product+Added&step=event:Order+Completed"


def test_reports_are_what_the_pages_show(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    week = "from=2026-11-12&to=2026-11-18"
    overview = stage.call("GET", f"/v1/reports/overview?{week}").json
    assert (overview["visitors"], overview["sessions"], overview["orders"], overview["revenue"]) == (
        4,
        4,
        1,
        50.0,
    )
    assert len(overview["series"]) == 7 and overview["series"][0]["day"] == "2026-11-12"
    assert {row["channel"] for row in overview["channels"]} == {"organic search", "e-mail", "direct"}
    funnel = stage.call("GET", f"/v1/reports/funnel?{STEPS}&window=1d&{week}").json
    assert [step["visitors"] for step in funnel["steps"]] == [4, 3, 2, 1]
    assert funnel["steps"][1]["name"] == "event:Product Viewed" and funnel["steps"][1]["drop"] == 1
    assert funnel["steps"][1]["conversion"] == 0.75
    ways = stage.call("GET", f"/v1/reports/paths?anchor=page:/&depth=1&{week}").json
    assert ways == {
        "visits": 3,
        "flows": [{"depth": 0, "source": "page:/", "target": "event:Product Viewed", "visits": 3}],
    }
    cohorts = stage.call("GET", f"/v1/reports/retention?unit=month&{week}").json["cohorts"]
    [cohort] = cohorts
    assert [interval["part"] for interval in cohort.pop("intervals")] == [4]
    assert cohort == {"start": "2026-11-01", "channel": "", "returned": [4]}
    words = stage.call("GET", f"/v1/reports/vocabulary?{week}").json
    assert words["events"][0] == {"name": "Product Viewed", "count": 3}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("overview?from=soon", "from"),
        ("overview?to=2026-13-01", "to"),
        ("overview?from=2026-11-10&to=2026-11-01", "to"),
        ("funnel", "step"),
        ("funnel?step=order", "step"),
        ("funnel?step=event:", "step"),
        ("funnel?" + "step=event:a&" * 13, "step"),
        ("funnel?step=event:a&window=7", "window"),
        ("funnel?step=event:a&window=9999999d", "window"),
        ("vocabulary?from=%00", "from"),
        ("funnel?step=event:a&by=age", "by"),
        ("funnel?step=event:a&order=odd", "order"),
        ("funnel?step=event:a&without=x", "without"),
        ("paths?anchor=x", "anchor"),
        ("paths?depth=0", "depth"),
        ("paths?direction=up", "direction"),
        ("retention?unit=year", "unit"),
        ("retention?deed=steal", "deed"),
        ("retention?by=age", "by"),
    ],
)
def test_reports_refuse_what_makes_no_sense(stage: Stage, query: str, field: str) -> None:
    answer = stage.call("GET", f"/v1/reports/{query}")
    assert answer.status_code == 400 and answer.json["error"]["field"] == field


@pytest.mark.parametrize(
    "report", ["overview", "live", "funnel", "vocabulary", "paths", "retention", "campaigns"]
)
def test_reports_need_the_secret_key(stage: Stage, report: str) -> None:
    assert stage.call("GET", f"/v1/reports/{report}", "wk_test").status_code == 403
    assert stage.call("GET", f"/v1/reports/{report}", None).status_code == 401


def test_hostile_names_come_back_as_they_are_in_json(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    answer = stage.call("GET", "/v1/reports/overview")
    assert answer.headers["Content-Type"] == "application/json"
    assert HOSTILE in [row["name"] for row in answer.json["keywords"]]


def test_tables_come_as_csv_that_a_spreadsheet_may_open(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    stage.warehouse.append(visit("v:z", at(clock(), 1), (("page", "=cmd|x"),), channel="direct"), [], {})
    answer = stage.call("GET", "/v1/reports/overview?format=csv&table=pages")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="overview-pages.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {"path": "/", "title": "", "pageviews": "3", "visitors": "3"} in rows
    assert "'=cmd|x" in [row["path"] for row in rows]
    steps = stage.call("GET", f"/v1/reports/funnel?{STEPS}&format=csv").text
    assert [line.split(",")[1] for line in steps.splitlines()[1:]] == ["5", "3", "2", "1"]
    for report, table in (("paths", "flows"), ("retention", "cohorts"), ("vocabulary", "pages")):
        assert stage.call("GET", f"/v1/reports/{report}?format=csv&table={table}").status_code == 200
    assert stage.call("GET", "/v1/reports/overview?format=csv&table=traits").json["error"]["field"] == "table"
    assert stage.call("GET", "/v1/reports/overview?format=xls").json["error"]["field"] == "format"
    nothing = stage.call(
        "GET", "/v1/reports/overview?format=csv&table=channels&from=2020-01-01&to=2020-01-02"
    )
    assert nothing.status_code == 200


def test_the_live_report_looks_back_five_minutes(stage: Stage, clock: Clock) -> None:
    now = int(clock() * 1000)
    rows = visit("v:now", now - 120_000, (("page", "/"), ("page", "/cart")))
    rows += visit("v:late", now - 600_000, (("page", "/"),)) + visit("v:bot", now, (("page", "/"),), bot=True)
    stage.warehouse.append(rows, [], {})
    live = stage.call("GET", "/v1/reports/live").json
    assert (live["visitors"], live["pages"]) == (1, [{"name": "/cart", "visitors": 1}])
    assert [event["path"] for event in live["events"]] == ["/cart", "/"]
