"""The desk, the API and the doctor tell which values of a site's events were lost, and what to do."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from dangol.cli import main
from profiles.losses import LossStore, SiteLoss
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.durations import DAY_MS
from tracker.fields.losses import FIELDS, REASONS
from tracker.redis_connection import connect
from tracker.sites import Site
from web.desk.quality import FIELDS as LABELS
from web.desk.quality import PROBLEMS

PAGE = "/desk/data-quality"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def lose(stage: Stage, now: float, site: str = "default") -> None:
    at = int(now * 1000)
    store: LossStore = stage.stores.reports.losses
    store.add([SiteLoss(site, "revenue", "ambiguous", 30, at - 3 * DAY_MS, "9,900")])
    store.add([SiteLoss(site, "revenue", "ambiguous", 7, at, "12,900 <b>원</b>")])
    store.add([SiteLoss(site, "currency", "no_rate", 1, at - DAY_MS, "USD")])


def test_every_field_and_reason_has_words() -> None:
    assert set(LABELS) == set(FIELDS) and set(PROBLEMS) == set(REASONS)


def test_the_page_says_what_was_lost_and_how_to_mend_it(stage: Stage, clock: Clock) -> None:
    desk = stage.desk()
    assert "Every value was read" in desk.get(PAGE).text
    lose(stage, clock())
    lose(stage, clock(), "other")
    page = desk.get(PAGE).text
    assert "Revenue of an order" in page and "can be read in two ways" in page and ">37<" in page
    assert "12,900 &lt;b&gt;원" in page and "<b>원" not in page
    assert "dangol sites set default --locale ko-KR" in page
    assert "dangol sites set default --rate USD 2026-01-01 RATE" in page
    assert f'href="{PAGE}"' in desk.get("/desk/setup").text
    korean = desk.get(PAGE, headers={"Accept-Language": "ko"}).text
    assert "데이터 품질" in korean and "두 가지로 읽을 수 있음" in korean and "Revenue" not in korean


def test_all_words_can_be_shown(stage: Stage, clock: Clock) -> None:
    at = int(clock() * 1000)
    every = [SiteLoss("default", field, reason, 1, at, "") for field in FIELDS for reason in REASONS]
    stage.stores.reports.losses.add(every)
    for language in ("en", "ko"):
        answer = stage.desk().get(PAGE, headers={"Accept-Language": language})
        assert answer.status_code == 200 and "%(" not in answer.text


def test_the_api_tells_the_same(stage: Stage, clock: Clock) -> None:
    lose(stage, clock())
    path, headers = "/v1/reports/data-quality", {"Authorization": "Bearer sk_test"}
    rows = stage.client.get(path, headers=headers).get_json()["rows"]
    assert rows[0] | {"since": ""} == {
        "field": "revenue",
        "reason": "ambiguous",
        "events": 37,
        "since": "",
        "at": int(clock() * 1000),
        "example": "12,900 <b>원</b>",
    }
    assert rows[1]["field"] == "currency"
    table = stage.client.get(path + "?format=csv", headers=headers).text
    assert table.lstrip("\ufeff").splitlines()[0] == "field,reason,events,since,at,example"
    assert stage.client.get(path, headers={"Authorization": "Bearer wk_test"}).status_code in (401, 403)


@pytest.mark.redis
def test_the_doctor_tells_it(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    monkeypatch.setenv("DANGOL_LOG", redis_url + "?stream=events")
    monkeypatch.setenv("DANGOL_PROFILES", redis_url)
    fine = CliRunner().invoke(main, ["doctor"]).output
    assert "every value was read in the last seven days" in fine
    store, now = LossStore(connect(redis_url, 5)), int(time.time() * 1000)
    store.add([SiteLoss("default", "revenue", "ambiguous", 37, now, "12.900 원")])
    store.add([SiteLoss("default", "price", "negative", 1, now - 8 * DAY_MS, "-1")])
    told = CliRunner().invoke(main, ["doctor"]).output
    assert "revenue (ambiguous) of 37 events, the last: 12.900 원" in told and "price" not in told
    assert json.dumps(PAGE).strip('"') in told
