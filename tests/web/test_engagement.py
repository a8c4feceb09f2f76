"""The page of engagement and its JSON and CSV, of pages that tell of themselves and of some that do not."""

import json
from pathlib import Path

import pytest

from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def visited(stage: Stage, *, measured: bool) -> None:
    at = int(stage.stores.clock() * 1000) - 3_600_000
    rows = []
    for number, channel in enumerate(("e-mail", "direct")):
        more = {"profile": f"p{number}", "session": f"s{number}", "channel": channel}
        rows.append(row(at + number, path="/boots", **more))
        props = json.dumps({"href": "https://shop.example/boots", "seconds": 90, "scroll": 40})
        if measured and number == 0:
            rows.append(row(at + 9, type="track", name="Page Engaged", props=props, **more))
    stage.warehouse.append(rows, [], {})


def test_what_was_measured_is_on_the_page_and_in_the_files(stage: Stage) -> None:
    visited(stage, measured=True)
    page = stage.desk().get("/desk/engagement").text
    assert "1 min 30 s" in page and "40%" in page and "not measured" in page
    assert "Not measured: the site does not send it" not in page
    told = stage.call("GET", "/v1/reports/engagement").json
    assert (told["visits"], told["measured"], told["visit_seconds"]) == (2, 1, 90)
    of = {each["channel"]: each["seconds"] for each in told["channels"]}
    assert of == {"e-mail": 90, "direct": None}
    lines = stage.call("GET", "/v1/reports/engagement?format=csv&table=pages").text.splitlines()
    assert lines[1].split(",")[:3] == ["2", "1", "90.0"] and lines[1].endswith("/boots")


def test_a_site_that_does_not_send_it_hears_how(stage: Stage) -> None:
    visited(stage, measured=False)
    page = stage.desk().get("/desk/engagement").text
    assert "Not measured: the site does not send it" in page and "0 s" not in page


def test_without_visits_it_says_so(stage: Stage) -> None:
    assert "No visits in this period" in stage.desk().get("/desk/engagement").text
