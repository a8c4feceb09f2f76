"""What an operator sees of a process that collects: health, readiness, metrics, and a log without persons in it."""

import logging
from pathlib import Path
from typing import Any

import pytest

from dangol.serving.health import Health
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.log.port import LogUnavailable
from tracker.sites import Sites

__all__ = ["log", "sites"]  # fixtures

EVENT = b'{"writeKey":"wk_test","userId":"kim@example.com","event":"E","traits":{"name":"Kim Minji"}}'


def ask(tracker: Tracker, path: str, **environ: str) -> tuple[int, bytes]:
    told: list[str] = []

    def start_response(status: str, headers: Any) -> None:
        told.append(status)

    request = {"PATH_INFO": path, "REMOTE_ADDR": "127.0.0.1", **environ}
    body = b"".join(Health(tracker, tracker._sites)(request, start_response))
    return int(told[0][:3]), body


def test_ready_while_events_can_be_made_durable_somewhere(sites: Sites, log: ListLog, tmp_path: Path) -> None:
    def away() -> None:
        raise LogUnavailable("down")

    spooling, full, bare = (
        Tracker(sites, log, spool=tmp_path / "a"),
        Tracker(sites, log, spool=tmp_path / "b", spool_bytes=10),
        Tracker(sites, log),
    )
    trackers = (spooling, full, bare)
    assert [ask(tracker, "/readyz")[0] for tracker in trackers] == [200, 200, 200]
    log.down, log.ping = True, away  # type: ignore[method-assign]
    assert [ask(tracker, "/readyz")[0] for tracker in trackers] == [200, 503, 503]
    assert [ask(tracker, "/healthz")[0] for tracker in trackers] == [200, 200, 200]
    for tracker in trackers:
        tracker.close()


def test_metrics_say_how_collection_fares(sites: Sites, log: ListLog, tmp_path: Path) -> None:
    tracker = Tracker(sites, log, spool=tmp_path / "spool")
    call = Client(tracker)
    assert call("POST", "/v1/track", EVENT).status == 200
    assert call("POST", "/v1/track", b"{").status == 400
    status, text = ask(tracker, "/metrics")
    assert status == 200
    for line in (
        'events_accepted_total{source="segment"} 1.0',
        'events_accepted_total{source="pixel"} 0.0',
        'refused_total{code="bad_json"} 1.0',
        "events_spooled_total 0.0",
        "spool_bytes 0.0",
        'append_seconds_bucket{le="+Inf"} 1.0',
        "log_up 1.0",
    ):
        assert f"dangol_tracker_{line}".encode() in text
    tracker.close()


def test_no_person_stands_in_the_log_or_the_metrics(
    sites: Sites,
    log: ListLog,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    tracker = Tracker(sites, log, spool=tmp_path / "spool")
    call = Client(tracker)
    agent = {
        "HTTP_USER_AGENT": "Mozilla/5.0 (Kim)",
        "HTTP_REFERER": "https://shop.example/?email=kim@example.com",
    }
    log.down = True
    assert call("POST", "/v1/track", EVENT, **agent).status == 200, "spooled"
    assert call("POST", "/v1/track", EVENT.replace(b'"E"', b"7"), **agent).status == 400
    monkeypatch.setattr(tracker._gate, "admit", lambda *_: 1 / 0)
    assert call("POST", "/v1/track", EVENT, **agent).status == 500
    said = caplog.text + ask(tracker, "/metrics")[1].decode()
    assert "ZeroDivisionError" in said
    for personal in ("kim@example.com", "Kim", "203.0.113", "Mozilla"):
        assert personal not in said
    tracker.close()


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "203.0.113.9"}, 401),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 401),  # a proxy on this machine, for somebody elsewhere
        ({"HTTP_X_FORWARDED_PROTO": "https"}, 401),
        ({"HTTP_X_FORWARDED_HOST": "shop.example"}, 401),
        ({"HTTP_HOST": "track.shop.example"}, 401),  # a proxy that keeps the name, or a page by DNS rebinding
        ({"HTTP_HOST": "127.0.0.1.evil.example"}, 401),
        ({"HTTP_HOST": "127.0.0.1:8000", "SERVER_PROTOCOL": "HTTP/1"}, 401),  # nginx with proxy_pass alone
        ({"HTTP_HOST": "127.0.0.1:8000", "SERVER_PROTOCOL": "HTTP/1.1"}, 200),
        ({"HTTP_HOST": "[::1]:8000"}, 200),
        ({"HTTP_HOST": "LOCALHOST"}, 200),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer wk_test"}, 401),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer sk_test"}, 200),
    ],
)
def test_metrics_are_for_this_machine_or_the_secret_key(
    sites: Sites, log: ListLog, environ: dict[str, str], status: int
) -> None:
    assert ask(Tracker(sites, log), "/metrics", **environ)[0] == status


def test_behind_a_proxy_of_ours_metrics_are_for_the_secret_key(sites: Sites, log: ListLog) -> None:
    told: list[str] = []
    health = Health(Tracker(sites, log), sites, proxies=1)
    for environ in ({}, {"HTTP_AUTHORIZATION": "Bearer sk_test"}):
        asked = {"PATH_INFO": "/metrics", "REMOTE_ADDR": "127.0.0.1", **environ}
        health(asked, lambda status, _: told.append(status[:3]))
    assert told == ["401", "200"]
