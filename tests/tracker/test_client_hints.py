"""Client hints and touch points, from a browser's request to the device of its event."""

import json
from collections.abc import Iterator

import pytest

from ingest.enrich.enrich import facts
from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.event import Event
from tracker.sites import Site, Sites

__all__ = ["log", "sites"]  # fixtures

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Safari/605.1.15"
)
BRAVE = {
    "HTTP_USER_AGENT": CHROME,
    "HTTP_SEC_CH_UA": '"Not/A)Brand";v="8", "Chromium";v="126", "Brave";v="126"',
    "HTTP_SEC_CH_UA_PLATFORM": '"Windows"',
    "HTTP_SEC_CH_UA_PLATFORM_VERSION": '"15.0.0"',
}


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


def batch(**context: object) -> bytes:
    view = {"type": "page", "anonymousId": "a", "messageId": "m"}
    return json.dumps({"writeKey": "wk_test", "context": context, "batch": [view]}).encode()


def device_of(event: Event) -> tuple[str, str, str]:
    found = facts(event, Site(id="s", write_key="w", secret_key="k"))
    return found.device, found.browser, found.os


def test_hints_reach_the_device_of_every_protocols_events(call: Client, log: ListLog) -> None:
    assert call("POST", "/v1/batch", batch(), **BRAVE).status == 200
    assert call("GET", "/t.gif", query="k=wk_test&e=Seen&v=a", **BRAVE).status == 200
    assert call("GET", "/i", query="e=pv&aid=wk_test&p=web&duid=a&eid=1", **BRAVE).status == 200
    assert [device_of(event) for event in log.events] == [("desktop", "Brave", "Windows 11")] * 3


def test_hints_of_a_server_that_relays_events_are_not_the_visitors(call: Client, log: ListLog) -> None:
    call("POST", "/v1/batch", batch(userAgent=SAFARI), **BRAVE)
    assert device_of(log.events[0]) == ("desktop", "Safari", "Mac OS X")
    assert "hints" not in log.events[0].context


def test_a_stranger_cannot_send_hints_in_the_body(call: Client, log: ListLog) -> None:
    call("POST", "/v1/batch", batch(hints={"brand": "x" * 10_000}), HTTP_USER_AGENT=CHROME)
    assert dict(log.events[0].context) == {}


@pytest.mark.parametrize(
    ("touch", "found"),
    [
        (5, ("tablet", "Safari", "iPadOS")),
        (0, ("desktop", "Safari", "Mac OS X")),
        ("5", ("desktop", "Safari", "Mac OS X")),
        (True, ("desktop", "Safari", "Mac OS X")),
    ],
)
def test_an_ipad_is_told_by_its_touch_points(
    call: Client, log: ListLog, touch: object, found: tuple[str, str, str]
) -> None:
    call("POST", "/v1/b", batch(touch=touch), HTTP_USER_AGENT=SAFARI)
    assert device_of(log.events[0]) == found
