"""The attribution report and costs over HTTP: what is told replaces what was told, and stands in the report."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk_rows import FULL, at, fill, visit
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis
WEEK = "from=2026-11-12&to=2026-11-18"
SPRING = {"day": "2026-11-16", "source": "google", "campaign": "spring", "amount": "20.05", "clicks": 3}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def put(stage: Stage, *costs: dict[str, Any]) -> Any:
    return stage.call("PUT", "/v1/costs", json={"costs": list(costs)})


def test_models_stand_side_by_side(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    stage.warehouse.append(visit("v:a", at(clock(), 5), (("page", "/"),), channel="social"), [], {})
    put(stage, SPRING)
    found = stage.call("GET", f"/v1/reports/attribution?{WEEK}").json
    assert (found["conversions"], found["revenue"], found["cost"]) == (1, 50.0, 20.05)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["social"]["credits"]["linear"]["revenue"] == 25.0
    assert rows["organic search"]["credits"]["last"]["conversions"] == 1.0
    assert rows["paid search"]["cost"] == 20.05 and rows["paid search"]["visits"] == 0
    some = stage.call(
        "GET", f"/v1/reports/attribution?{WEEK}&by=origin&model=last&model=first&lookback=1d"
    ).json
    assert some["models"] == ["first", "last"] and some["lookback"] == 86_400_000
    google = next(row for row in some["rows"] if row["name"] == "google")
    assert google["credits"]["first"]["roas"] == pytest.approx(50 / 20.05)
    goal = stage.call("GET", f"/v1/reports/attribution?{WEEK}&goal=event:Product+Added").json
    assert (goal["conversions"], goal["revenue"]) == (2, 0.0)


def test_filters_narrow_conversions_and_no_cost_is_said(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    put(stage, SPRING)
    found = stage.call("GET", f"/v1/reports/attribution?{WEEK}&device=phone").json
    assert (found["conversions"], found["cost"]) == (0, None)
    assert "paid search" not in [row["name"] for row in found["rows"]]


def test_the_table_comes_as_csv(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    text = stage.call("GET", f"/v1/reports/attribution?{WEEK}&format=csv&model=last&model=linear").text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    mine = [row for row in rows if row["name"] == "organic search"]
    assert [(row["model"], row["conversions"], row["revenue"], row["cost"]) for row in mine] == [
        ("last", "1.0", "50.0", ""),
        ("linear", "1.0", "50.0", ""),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=age", "by"),
        ("goal=nothing", "goal"),
        ("lookback=0d", "lookback"),
        ("half_life=soon", "half_life"),
        ("model=best", "model"),
        ("table=rows&format=csv", "table"),
    ],
)
def test_what_makes_no_sense_is_refused(stage: Stage, query: str, field: str) -> None:
    answer = stage.call("GET", f"/v1/reports/attribution?{query}")
    assert answer.status_code == 400 and answer.json["error"]["field"] == field


def test_costs_told_again_replace_what_was_told(stage: Stage) -> None:
    second = {**SPRING, "amount": 1.1, "channel": "Paid_Social"}
    assert put(stage, SPRING, second, {**SPRING, "amount": 0.05}).json == {
        "new": 1,
        "changed": 0,
        "unchanged": 0,
    }
    known = stage.call("GET", f"/v1/costs?{WEEK}").json["costs"]
    assert [(each["channel"], each["amount"], each["currency"], each["clicks"]) for each in known] == [
        ("paid search", "20.1000", "EUR", 6),
        ("paid social", "1.1000", "EUR", 3),
    ]
    told = [SPRING, {**SPRING, "day": "2026-11-17"}]
    assert put(stage, *told).json == {"new": 1, "changed": 1, "unchanged": 0}
    assert put(stage, *told).json == {"new": 0, "changed": 0, "unchanged": 2}
    known = stage.call("GET", f"/v1/costs?{WEEK}").json["costs"]
    assert [(each["day"], each["amount"]) for each in known] == [
        ("2026-11-16", "20.0500"),
        ("2026-11-17", "20.0500"),
    ]


def test_costs_stand_in_the_report_at_once_and_go_at_once(stage: Stage, clock: Clock) -> None:
    """Though the report itself is kept for minutes."""
    fill(stage.warehouse, clock())
    days = "from=2026-11-01&to=2026-11-16"
    ask = f"/v1/reports/attribution?{days}&by=campaign"
    assert stage.call("GET", ask).json["cost"] is None
    put(stage, SPRING)
    assert stage.call("GET", ask).json["cost"] == 20.05
    assert stage.call("DELETE", f"/v1/costs?{WEEK}&source=meta").json == {"removed": 0}
    assert stage.call("DELETE", f"/v1/costs?{WEEK}&source=google").json == {"removed": 1}
    assert stage.call("GET", ask).json["cost"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "much"}, "costs[1].amount"),
        ({"amount": "5 USD"}, "costs[1].amount"),
        ({"currency": "WON"}, "costs[1].currency"),
        ({"day": "yesterday"}, "costs[1].day"),
        ({"source": ""}, "costs[1].source"),
        ({"clicks": -1}, "costs[1].clicks"),
    ],
)
def test_a_bad_cost_refuses_the_request(stage: Stage, change: dict[str, Any], field: str) -> None:
    answer = put(stage, SPRING, {**SPRING, **change})
    assert answer.status_code == 400 and answer.json["error"]["field"].replace("[...]", "[1]") == field
    assert stage.call("GET", f"/v1/costs?{WEEK}").json == {"costs": []}


def test_costs_need_the_secret_key_and_days_to_go(stage: Stage) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert stage.call(method, "/v1/costs", "wk_test", json={"costs": []}).status_code == 403
    assert stage.call("DELETE", "/v1/costs").status_code == 400


def test_a_store_that_is_full_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.attribution.cost_store.MOST", 2)
    assert put(stage, SPRING, {**SPRING, "campaign": "b"}).status_code == 200
    assert put(stage, SPRING, {**SPRING, "campaign": "b"}).status_code == 200  # the same again
    assert put(stage, {**SPRING, "campaign": "c"}).status_code == 409


def test_a_store_that_is_gone_is_a_503(
    tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock
) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock)
    own_redis.kill()
    answer = stage.call("GET", f"/v1/reports/attribution?{WEEK}")
    assert answer.status_code == 503 and "costs" in answer.json["error"]["message"]


def test_other_sites_have_costs_of_their_own(stage: Stage) -> None:
    put(stage, SPRING)
    stage.stores.sites.save(Site(id="other", write_key="wk_o", secret_key="sk_other"))
    assert stage.call("GET", f"/v1/costs?{WEEK}", "sk_other").json == {"costs": []}


def test_the_visit_of_an_order_is_the_last_touch_of_the_overview(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    stage.warehouse.append(visit("v:c", at(clock(), 1), FULL, channel="direct"), [], {})
    channels = stage.call("GET", f"/v1/reports/overview?{WEEK}").json["channels"]
    rows = stage.call("GET", f"/v1/reports/attribution?{WEEK}").json["rows"]
    assert {row["name"]: (row["visits"], row["credits"]["last"]["revenue"]) for row in rows} == {
        each["name"]: (each["sessions"], each["revenue"]) for each in channels
    }
