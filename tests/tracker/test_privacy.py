"""Opt-out signals, consent, cookieless visitors, addresses without secrets."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog
from tracker.admission import privacy
from tracker.admission.privacy import DailySalt
from tracker.app import Tracker
from tracker.durations import DAY_SECONDS
from tracker.event import Event
from tracker.sites import Site, Sites


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://x/a?q=shoes&utm_source=n#top", "https://x/a?q=shoes&utm_source=n#top"),
        ("https://x/reset?token=abc&q=1", "https://x/reset?token=[redacted]&q=1"),
        ("https://x/?Access-Token=abc", "https://x/?Access-Token=[redacted]"),
        ("https://x/#access_token=abc&state=1", "https://x/#access_token=[redacted]&state=1"),
        ("https://x/?to=kim%40example.com&a=b", "https://x/?to=[redacted]&a=b"),
        ("https://x/users/kim@example.com/edit", "https://x/users/[redacted]/edit"),
        ("https://kim:pass@x.example/a", "https://x.example/a"),
        ("https://x/?password", "https://x/?password"),
        ("https://map/@37.5,127.0,15z", "https://map/@37.5,127.0,15z"),
    ],
)
def test_addresses_are_scrubbed(before: str, after: str) -> None:
    assert privacy.scrub(before) == after
    assert privacy.scrub(after) == after


@given(st.text(max_size=80))
def test_scrubbing_never_raises(text: str) -> None:
    privacy.scrub(text)
    privacy.scrub("https://x/?" + text)


def test_a_cookieless_id_lasts_a_day_and_its_salt_no_longer(tmp_path: Path, clock: Clock) -> None:
    clock.now = 1_795_000_000 // DAY_SECONDS * 86_400.0
    one, other = DailySalt(tmp_path, clock), DailySalt(tmp_path, clock)
    today = one.visitor("shop", "203.0.113.0", "UA")
    assert other.visitor("shop", "203.0.113.0", "UA") == today, "processes of one machine agree"
    assert len({today, one.visitor("b", "203.0.113.0", "UA"), one.visitor("shop", "203.0.113.0", "UB")}) == 3
    clock.advance(86_399)
    assert one.visitor("shop", "203.0.113.0", "UA") == today
    [salt] = tmp_path.glob("salt-*")
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    clock.advance(1)
    tomorrow = other.visitor("shop", "203.0.113.0", "UA")
    assert tomorrow != today
    assert one.visitor("shop", "203.0.113.0", "UA") == tomorrow
    assert not salt.exists()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def log() -> ListLog:
    return ListLog()


@pytest.fixture
def call(tmp_path: Path, site: Site, log: ListLog, clock: Clock) -> Iterator[Client]:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


def item(kind: str = "track", **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "event": "E",
        "anonymousId": "a1",
        "userId": "u1",
        "traits": {"email": "k@x.org"},
        **more,
    }


def send(call: Client, *items: dict[str, Any], **headers: str) -> None:
    body = json.dumps({"writeKey": "wk_test", "batch": items}).encode()
    assert call("POST", "/v1/batch", body, HTTP_USER_AGENT="Mozilla/5.0 X", **headers).status == 200


@pytest.mark.parametrize("signal", ["HTTP_SEC_GPC", "HTTP_DNT"])
def test_a_signal_leaves_a_total_and_no_person(call: Client, log: ListLog, signal: str) -> None:
    send(call, item(), item("identify"), item("group"), item("alias", previousId="x"), **{signal: "1"})
    [event] = log.events
    assert_nobody(event)
    send(call, item(), **{signal: "0"})
    assert (log.events[1].visitor, log.events[1].user) == ("a1", "u1")
    assert call.tracker.metrics.cookieless._value.get() == 4


def assert_nobody(event: Event) -> None:
    assert event.visitor
    assert event.visitor.startswith("~")
    assert (event.user, event.traits, event.context["cookieless"]) == (None, {}, True)


def test_what_the_visitor_said_here_counts_more_than_the_signal(call: Client, log: ListLog) -> None:
    yes, no = {"consent": {"analytics": True}}, {"consent": {"analytics": False, "marketing": True}}
    send(call, item(context=yes), HTTP_SEC_GPC="1")
    assert log.events[0].visitor == "a1"
    send(call, item(context=no), item("consent", context=no, properties=no["consent"]))
    assert_nobody(log.events[1])
    assert log.events[1].context["consent"] == no["consent"]
    consent = log.events[2]
    assert (consent.type, consent.visitor, consent.props) == ("consent", "a1", no["consent"])


def test_segment_s_categories_are_a_choice_too(call: Client, log: ListLog) -> None:
    for categories in ({"Analytics": False}, {"Statistics": True, "Performance": False}):
        send(call, item(context={"consent": {"categoryPreferences": categories}}))
        assert_nobody(log.events[-1])
    send(call, item(context={"consent": {"categoryPreferences": {"Analytics": True}}}), HTTP_SEC_GPC="1")
    assert log.events[-1].visitor == "a1"
    send(call, item(context={"consent": {"categoryPreferences": {"Advertising": False, "Analytics": "no"}}}))
    assert log.events[-1].visitor == "a1"


def test_no_cookie_for_who_opted_out(call: Client, log: ListLog) -> None:
    for path, query in (("/t.gif", "k=wk_test"), ("/i", "e=pv&aid=default")):
        assert "set-cookie" in call("GET", path, query=query).headers
        assert "set-cookie" not in call("GET", path, query=query, HTTP_SEC_GPC="1").headers
        assert_nobody(log.events[-1])
    assert "set-cookie" not in call("GET", "/i", query="e=pv", HTTP_SP_ANONYMOUS="*").headers
    assert (log.events[-1].ip, (log.events[-1].visitor or "")[0]) == ("", "~")


def test_addresses_are_scrubbed_before_the_log(call: Client, log: ListLog) -> None:
    page = {"url": "https://x/?token=abc", "referrer": "https://y/?email=k@x.org"}
    send(call, item("page", context={"page": page}, properties={"search": "?token=abc", "path": "/", "n": 1}))
    event = log.events[0]
    assert (event.url, event.referrer) == ("https://x/?token=[redacted]", "https://y/?email=[redacted]")
    assert event.props == {"search": "?token=[redacted]", "path": "/", "n": 1}
    assert event.ip == "203.0.113.0"
