"""The cookie that the tracker sets on a site's own origin."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.tracker_app import Answer, Client, ListLog
from tracker.app import Tracker
from tracker.sites import Site, Sites


@pytest.fixture
def log() -> ListLog:
    return ListLog()


@pytest.fixture
def call(tmp_path: Path, site: Site, log: ListLog) -> Iterator[Client]:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    tracker = Tracker(sites, log, server_cookie=True)
    yield Client(tracker)
    tracker.close()


def send(
    call: Client, visitor: str, new: bool = False, origin: str = "https://t.example", **headers: str
) -> Answer:
    context: dict[str, Any] = {"library": {"name": "dangol.js"}, "new": new}
    batch = [{"type": "track", "event": "E", "anonymousId": visitor}]
    body = json.dumps({"writeKey": "wk_test", "context": context, "batch": batch}).encode()
    answer = call("POST", "/v1/batch", body, HTTP_ORIGIN=origin, **headers)
    assert answer.status == 200
    return answer


def test_a_lost_id_is_found_again(call: Client, log: ListLog) -> None:
    first = send(call, "old", new=True)
    cookie = first.headers["set-cookie"]
    assert cookie == "dangol_id=old; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax"
    assert json.loads(first.body) == {"success": True}
    back = send(call, "made-anew", new=True, HTTP_COOKIE="dangol_id=old")
    assert json.loads(back.body) == {"success": True, "visitor": "old"}
    assert back.headers["set-cookie"] == cookie
    assert [event.visitor for event in log.events] == ["old", "old"]
    assert all("new" not in event.context for event in log.events)


def test_a_reset_is_respected(call: Client, log: ListLog) -> None:
    answer = send(call, "after-reset", HTTP_COOKIE="dangol_id=old")
    assert answer.headers["set-cookie"].startswith("dangol_id=after-reset;")
    assert log.events[0].visitor == "after-reset"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://shop.example"}, {"HTTP_SEC_GPC": "1"}, {"visitor": "a b;c"}, {"visitor": "é"}],
)
def test_no_cookie_elsewhere(call: Client, headers: dict[str, str]) -> None:
    answer = send(call, **{"visitor": "x", **headers})
    assert "set-cookie" not in answer.headers


def test_it_is_off_by_default(tmp_path: Path, site: Site, log: ListLog) -> None:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    tracker = Tracker(sites, log)
    answer = send(Client(tracker), "made-anew", new=True, HTTP_COOKIE="dangol_id=old")
    assert "set-cookie" not in answer.headers
    assert log.events[0].visitor == "made-anew"
    tracker.close()


@pytest.mark.parametrize("server_cookie", [True, False])
@pytest.mark.parametrize(
    ("told", "counted"), [(7, 7), (0, 0), (-1, 0), (10**300, 0), ("7", 0), (True, 0), (2.5, 0), ([7], 0)]
)
def test_what_browsers_gave_up_is_counted_once_a_batch_and_kept_by_no_event(
    tmp_path: Path, site: Site, log: ListLog, server_cookie: bool, told: Any, counted: int
) -> None:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    tracker = Tracker(sites, log, server_cookie=server_cookie)
    event = {"type": "track", "event": "E", "anonymousId": "a"}
    context = {"library": {"name": "dangol.js"}, "dropped": told}
    batch = {"writeKey": "wk_test", "context": context, "batch": [event, event]}
    assert Client(tracker)("POST", "/v1/batch", json.dumps(batch).encode()).status == 200
    tracker.close()
    assert f"dangol_browser_dropped_total {float(counted)}" in tracker.metrics.text().decode()
    assert [event.context for event in log.events] == [{"library": {"name": "dangol.js"}}] * 2
