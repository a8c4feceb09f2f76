"""The application: routes, statuses, headers; in this process, over a log in a list."""

import gzip
import json
from collections.abc import Iterator

import brotli
import pytest

from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.protocols import pixel
from tracker.sites import Site, Sites

__all__ = ["log", "sites"]  # fixtures


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


BODY = b'{"writeKey":"wk_test","userId":"u","event":"E","messageId":"m"}'


def test_an_event_is_in_the_log_when_the_answer_comes(call: Client, log: ListLog, clock: Clock) -> None:
    answer = call("POST", "/v1/track", BODY, HTTP_ORIGIN="https://shop.example")
    assert (answer.status, json.loads(answer.body)) == (200, {"success": True})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert [(event.id, event.ip, event.received) for event in log.events] == [
        ("m", "203.0.113.0", int(clock.now * 1000))
    ]


def test_gzip_labelled_as_something_else(call: Client, log: ListLog) -> None:
    packed = gzip.compress(BODY)
    assert call("POST", "/v1/track", packed, CONTENT_TYPE="application/x-www-form-urlencoded").status == 200
    assert call("POST", "/v1/track", packed, HTTP_CONTENT_ENCODING="gzip").status == 200
    assert call("POST", "/v1/track", BODY, HTTP_CONTENT_ENCODING="gzip").status == 200
    assert call("POST", "/v1/track", packed[:-4]).error["code"] == "bad_gzip"
    assert len(log.events) == 3


def test_a_log_that_is_down_says_when_to_come_back(call: Client, log: ListLog) -> None:
    log.down = True
    answer = call("POST", "/v1/track", BODY)
    assert (answer.status, answer.headers["retry-after"], answer.error["code"]) == (
        503,
        "3",
        "log_unavailable",
    )
    answer = call("GET", "/t.gif", query="k=wk_test")
    assert (answer.status, answer.body) == (503, pixel.GIF)


def test_oversized_bodies_are_refused_unread(call: Client) -> None:
    assert call("POST", "/v1/batch", b" " * 600_000).error["code"] == "too_large"
    assert call("POST", "/v1/batch", b" " * 600_000, CONTENT_LENGTH="").error["code"] == "too_large"
    assert call("POST", "/v1/batch", b"", CONTENT_LENGTH="9" * 40).error["code"] == "too_large"
    assert call("POST", "/v1/batch", gzip.compress(b" " * 50_000_000)).error["code"] == "too_large"
    assert call("POST", "/v1/batch", BODY, CONTENT_LENGTH="nonsense").status == 400


def test_routes_and_methods(call: Client) -> None:
    owned = ["/v1/track", "/v1/b", "/v1/batch", "/t.gif", "/dangol.js", "/v1/projects/wk_test/settings"]
    assert all(map(call.tracker.owns, owned))
    others = [
        "/",
        "/v1/personalize",
        "/v1/items",
        "/v1/reports/funnel",
        "/v1/projects/a/b/settings",
        "/desk",
        "/healthz",
    ]
    assert not any(map(call.tracker.owns, others))
    assert call("GET", "/nothing").status == 404
    for path in owned:
        answer = call("DELETE", path)
        assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"].endswith("OPTIONS")
    assert call("GET", "/v1/track").headers["allow"] == "POST, OPTIONS"


def test_preflight(call: Client) -> None:
    answer = call(
        "OPTIONS", "/v1/t", HTTP_ORIGIN="https://shop.example", HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST"
    )
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    hostile = call("OPTIONS", "/v1/t", HTTP_ORIGIN="https://x\r\nSet-Cookie: a=b")
    assert hostile.headers["access-control-allow-origin"] == "*"


def test_settings_of_the_browser_library(call: Client) -> None:
    answer = call("GET", "/v1/projects/wk_test/settings")
    assert json.loads(answer.body)["integrations"]["Segment.io"]["apiHost"] == "t.example/v1"
    assert call("GET", "/v1/projects/wrong/settings").status == 401


def test_the_pixel_is_an_image_whatever_happens(call: Client, log: ListLog) -> None:
    good, bad = call("GET", "/t.gif", query="k=wk_test"), call("GET", "/t.gif", query="k=wrong")
    for answer, status in ((good, 200), (bad, 401)):
        assert (answer.status, answer.body, answer.headers["content-type"]) == (
            status,
            pixel.GIF,
            "image/gif",
        )
        assert "no-store" in answer.headers["cache-control"]
    assert bad.headers["x-dangol-refused"] == "bad_write_key"
    cookie = good.headers["set-cookie"]
    assert cookie == f"dangol_v={log.events[0].visitor}; Max-Age=34128000; Path=/; SameSite=Lax"
    assert "set-cookie" not in call("GET", "/t.gif", query="k=wk_test", HTTP_COOKIE=cookie).headers
    assert log.events[1].visitor == log.events[0].visitor
    assert (
        call("GET", "/t.gif", query="k=wk_test", **{"wsgi.url_scheme": "https"})
        .headers["set-cookie"]
        .endswith("Secure")
    )


def test_the_snippet_is_cached_and_compressed(call: Client) -> None:
    plain, packed = call("GET", "/dangol.js"), call("GET", "/dangol.js", HTTP_ACCEPT_ENCODING="gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-encoding"] == "gzip"
    assert "max-age" in plain.headers["cache-control"]
    again = call("GET", "/dangol.js", HTTP_IF_NONE_MATCH=plain.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("BR;q=1.0, gzip;q=0.5", "br"),
        ("br;q=0, gzip", "gzip"),
        ("gzip; q=0.000, br ;q=0", ""),
        ("brotli, xgzip", ""),
        ("identity", ""),
        ("", ""),
        (",;q=,br", "br"),
    ],
)
@pytest.mark.parametrize("path", ["/dangol.js", "/dangol-slots.js", "/matomo.js"])
def test_scripts_are_served_as_the_browser_can_read_them(
    call: Client, path: str, accepted: str, encoding: str
) -> None:
    answer = call("GET", path, HTTP_ACCEPT_ENCODING=accepted)
    assert answer.headers.get("content-encoding", "") == encoding
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[encoding]
    plain = call("GET", path).body
    assert unpack(answer.body) == plain
    assert len(answer.body) < 0.6 * len(plain) or not encoding


def test_a_proxy_is_believed_only_when_told_so(sites: Sites, log: ListLog) -> None:
    forwarded = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.9", "HTTP_X_FORWARDED_PROTO": "https"}
    for trust, expected in ((False, "203.0.113.0"), (True, "198.51.100.0")):
        tracker = Tracker(sites, log, trust_proxy=trust)
        answer = Client(tracker)("GET", "/t.gif", query="k=wk_test", **forwarded)
        assert log.events[-1].ip == expected
        assert answer.headers["set-cookie"].endswith("Secure") is trust
        tracker.close()


def test_a_new_site_is_known_without_a_restart(
    call: Client, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.app.SITES_REFRESH_SECONDS", 0)
    body = b'{"writeKey":"wk_2","userId":"u","event":"E"}'
    assert call("POST", "/v1/track", body).status == 401
    Sites(sites.path).save(Site(id="two", write_key="wk_2", secret_key="sk_2"))
    assert call("POST", "/v1/track", body).status == 200
    sites.path.write_text("{ half")
    assert call("POST", "/v1/track", body).status == 200


def test_a_fault_of_ours_is_a_500_and_not_a_crash(call: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.protocols.segment.collect", lambda *_: 1 / 0)
    assert call("POST", "/v1/track", BODY).error["code"] == "internal"
