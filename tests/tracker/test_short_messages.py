"""The short form in which our snippet sends its batches: Segment's messages, less what a view need not say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.event import Event
from tracker.http.request import Request
from tracker.protocols import segment
from tracker.refusal import Refusal
from tracker.sites import Site, Sites

__all__ = ["log", "sites"]  # fixtures
NOW = 1_790_000_000_000
SITE = Site(id="default", write_key="wk_test", secret_key="sk_test")


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock, server_cookie=True)
    yield Client(tracker)
    tracker.close()


def read(batch: list[Any], **envelope: Any) -> list[Event]:
    body = json.dumps({"writeKey": "wk_test", **envelope, "batch": batch}).encode()
    request = Request("POST", "/v1/batch", "", body, NOW, language="ko-KR,ko;q=0.9", ua="Mozilla/5.0")
    collected = segment.collect(request, lambda key: SITE if key == "wk_test" else None)
    assert not isinstance(collected, Refusal), collected
    return collected.events


def test_a_view_and_an_event_in_full() -> None:
    view = {"i": "m1", "a": 40, "v": "a1", "u": "https://x/a", "t": "A", "r": "https://y/"}
    track = {
        "i": "m2",
        "a": 15,
        "v": "a1",
        "userId": "u1",
        "u": "https://x/a",
        "type": "track",
        "event": "Product Viewed",
        "properties": {"product_id": "p7"},
        "consent": {"analytics": True},
        "demo": True,
    }
    first, second = read([view, track], screen="390x844", touch=5, new=True, dropped=2)
    assert (first.id, first.type, first.ts, first.visitor, first.user) == ("m1", "page", NOW - 40, "a1", None)
    assert (first.url, first.title, first.referrer) == ("https://x/a", "A", "https://y/")
    assert (first.screen, first.lang, first.source, first.losses) == ("390x844", "ko-KR", "snippet", ())
    device = {"library": {"name": "dangol.js"}, "touch": 5, "new": True, "dropped": 2}
    assert first.context == device
    assert (second.type, second.name, second.user) == ("track", "Product Viewed", "u1")
    assert (second.ts, second.props) == (NOW - 15, {"product_id": "p7"})
    assert second.context == {**device, "consent": {"analytics": True}, "demo": True}


def test_what_an_earlier_snippet_left_in_the_queue_is_understood() -> None:
    """It stored Segment's form; the one of today puts id and age in front."""
    page = {"url": "https://x/a", "title": "A", "referrer": ""}
    left = {"type": "page", "messageId": "m1", "timestamp": "2020-01-01T00:00:00Z", "anonymousId": "a1"}
    (event,) = read([{"i": "m1", "a": 5_000, **left, "context": {"page": page}}])
    assert (event.id, event.ts, event.visitor, event.url) == ("m1", NOW - 5_000, "a1", "https://x/a")


@given(
    age=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.integers(), max_size=2),
    screen=st.none()
    | st.text(max_size=9)
    | st.integers()
    | st.dictionaries(st.text(), st.integers(), max_size=2),
    touch=st.none() | st.integers() | st.text(max_size=3),
)
def test_whatever_a_stranger_says_of_time_and_device_costs_no_event(
    age: Any, screen: Any, touch: Any
) -> None:
    (event,) = read([{"i": "m", "v": "a", "a": age, "u": "https://x/"}], screen=screen, touch=touch)
    assert event.ts <= NOW + 86_400_000
    assert event.screen == "" or len(event.screen.split("x")) == 2


def test_a_message_that_names_nobody_counts_without_an_id(call: Client, log: ListLog) -> None:
    """The cookie of the server names nobody either, where the browser did not."""
    body = {"writeKey": "wk_test", "new": True, "batch": [{"i": "m", "u": "https://x/"}]}
    headers = {"HTTP_ORIGIN": "https://shop.example", "HTTP_HOST": "shop.example"}
    answer = call("POST", "/v1/batch", json.dumps(body).encode(), HTTP_COOKIE="dangol_id=known", **headers)
    (event,) = log.events
    assert (event.visitor or "")[0] == "~"
    assert event.context["cookieless"] is True
    assert (answer.status, answer.headers.get("set-cookie")) == (200, None)


def test_who_refuses_analytics_loses_the_cookie_of_the_server(call: Client, log: ListLog) -> None:
    said = {"i": "m", "v": "known", "type": "consent", "properties": {"analytics": False}}
    body = {"writeKey": "wk_test", "batch": [said]}
    headers = {"HTTP_ORIGIN": "https://shop.example", "HTTP_HOST": "shop.example"}
    answer = call("POST", "/v1/batch", json.dumps(body).encode(), HTTP_COOKIE="dangol_id=known", **headers)
    assert [event.visitor for event in log.events] == ["known"]
    assert "dangol_id=; Max-Age=0" in answer.headers["set-cookie"]


def test_only_the_snippet_may_name_nobody() -> None:
    body = json.dumps({"writeKey": "wk_test", "batch": [{"type": "page", "messageId": "m"}]}).encode()
    collected = segment.collect(Request("POST", "/v1/batch", "", body, NOW), lambda _: SITE)
    assert not isinstance(collected, Refusal)
    assert [each.refusal.code for each in collected.rejected] == ["missing"]
