"""The report of AI agents and crawlers: API, files, page."""

import csv
import io
from pathlib import Path

import pytest

from tests.support.desk_rows import HOSTILE, at, fill
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    fill(stage.warehouse, clock())
    return stage


def fetched(stage: Stage, now: float) -> None:
    told = [
        ("ChatGPT-User", "/p/1", 200),
        ("ChatGPT-User", "/p/1", 200),
        ("GPTBot", "/", 200),
        ("GPTBot", "/gone", 404),
        (HOSTILE, f"/{HOSTILE}", 200),
    ]
    rows = [
        row(
            at(now, 2, number),
            id=f"fetch{number}",
            session="",
            bot=True,
            source="log",
            browser=name,
            path=path,
            props=f'{{"status":{status}}}',
        )
        for number, (name, path, status) in enumerate(told)
    ]
    rows.append(row(at(now, 2), id="came", profile="v:q", session="q", path="/p/1", channel="AI assistant"))
    stage.warehouse.append(rows, [], {})


def test_the_api_tells_who_read_what(stage: Stage, clock: Clock) -> None:
    before = stage.call("GET", "/v1/reports/overview").json
    fetched(stage, clock())
    report = stage.call("GET", "/v1/reports/agents").json
    # The bot of the known week opened two pages with a browser.
    assert (report["fetches"], report["failed"], report["visits"]) == (5, 1, 1)
    page = next(each for each in report["pages"] if each["path"] == "/p/1")
    assert (page["fetches"], page["assistants"], page["visits"]) == (2, 2, 1)
    assert [each["name"] for each in report["agents"][:2]] == ["ChatGPT-User", "GPTBot"]
    after = stage.call("GET", "/v1/reports/overview?fresh=1").json
    assert after["sessions"] == before["sessions"] + 1  # the visit; no fetch


def test_kind_and_agent_narrow(stage: Stage, clock: Clock) -> None:
    fetched(stage, clock())
    asked = stage.call("GET", "/v1/reports/agents?kind=assistant").json
    assert (asked["fetches"], [each["name"] for each in asked["agents"]]) == (2, ["ChatGPT-User"])
    assert stage.call("GET", "/v1/reports/agents?agent=GPTBot").json["fetches"] == 2
    refused = stage.call("GET", "/v1/reports/agents?kind=robots")
    assert (refused.status_code, refused.json["error"]["field"]) == (400, "kind")


def test_every_table_is_a_file(stage: Stage, clock: Clock) -> None:
    fetched(stage, clock())
    for table, first in (("agents", "ChatGPT-User"), ("pages", "/p/1"), ("kinds", "assistant")):
        text = stage.call("GET", f"/v1/reports/agents?format=csv&table={table}").text
        assert next(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))) and first in text
    assert len(stage.call("GET", "/v1/reports/agents?format=csv&table=series").text.splitlines()) == 31


def test_the_page_shows_them_and_hostile_names_as_text(stage: Stage, clock: Clock) -> None:
    desk = stage.desk()
    assert "No fetches yet" not in desk.get("/desk/agents").text  # the known week has a bot
    fetched(stage, clock())
    page = desk.get("/desk/agents?fresh=1").text
    assert "ChatGPT-User" in page and "OpenAI · AI assistants" in page and "AI training · 2" in page
    assert HOSTILE not in page
    one = desk.get("/desk/agents?kind=ai-training&agent=GPTBot").text
    assert "Only GPTBot." in one and "/gone" in one and "ChatGPT-User</a>" not in one
    assert desk.get("/desk/agents?kind=nonsense").status_code == 200


def test_without_any_the_page_says_how_to_collect_them(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock
) -> None:
    page = stage_of(tmp_path, redis_url, site, clock).desk().get("/desk/agents").text
    assert "No fetches yet" in page and "/desk/help/collecting#ai-agents-and-crawlers" in page
