"""An address or a title that is too long is cut and named as a loss, on every protocol; it never costs the event."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.sites import Sites

__all__ = ["log", "sites"]  # fixtures

MAIL = "kim@shop.example"


def long_address(length: int) -> str:
    """An address that has an e-mail address where it would be cut."""
    begin = "https://shop.example/"
    return begin + "x" * (2_048 - len(begin) - 8) + "/" + MAIL + "/" + "y" * length


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


def _segment(url: str, title: str) -> tuple[str, str, object]:
    page = {"url": url, "title": title, "referrer": url}
    return "/v1/page", "", {"writeKey": "wk_test", "anonymousId": "a", "context": {"page": page}}


def _snippet(url: str, title: str) -> tuple[str, str, object]:
    return (
        "/v1/batch",
        "",
        {"writeKey": "wk_test", "batch": [{"i": "m", "v": "a", "u": url, "t": title, "r": url}]},
    )


def _pixel(url: str, title: str) -> tuple[str, str, object]:
    return "/t.gif", urlencode({"k": "wk_test", "v": "a", "url": url, "title": title, "ref": url}), None


def _snowplow(url: str, title: str) -> tuple[str, str, object]:
    return (
        "/i",
        urlencode({"e": "pv", "aid": "default", "duid": "a", "url": url, "page": title, "refr": url}),
        None,
    )


def _matomo(url: str, title: str) -> tuple[str, str, object]:
    hit = {
        "idsite": "1",
        "rec": "1",
        "_id": "0123456789abcdef",
        "url": url,
        "action_name": title,
        "urlref": url,
    }
    return "/matomo.php", urlencode(hit), None


def _ga4(url: str, title: str) -> tuple[str, str, object]:
    params = {"page_location": url, "page_title": title, "page_referrer": url}
    body = {"client_id": "a", "events": [{"name": "page_view", "params": params}]}
    return "/mp/collect", urlencode({"measurement_id": "default", "api_secret": "wk_test"}), body


@pytest.mark.parametrize("protocol", [_segment, _snippet, _pixel, _snowplow, _matomo, _ga4])
@pytest.mark.parametrize("length", [600, 9_000])
def test_it_is_cut_and_the_loss_is_named(call: Client, log: ListLog, protocol: object, length: int) -> None:
    path, query, body = protocol(long_address(length), "t" * length)  # type: ignore[operator]
    sent = json.dumps(body).encode() if body else b""
    answer = call("POST" if body else "GET", path, sent, query=query)
    assert answer.status in (200, 204), answer.headers
    (event,) = log.events
    assert (len(event.url), len(event.referrer), len(event.title)) == (2_048, 2_048, 512)
    assert {(each.field, each.reason) for each in event.losses} == {
        ("url", "cut"),
        ("referrer", "cut"),
        ("title", "cut"),
    }
    assert "kim" not in event.url + event.referrer  # redacted before it is cut


def test_what_fits_is_whole(call: Client, log: ListLog) -> None:
    path, query, body = _segment("https://shop.example/?q=" + "x" * 2_000, "t" * 512)
    call("POST", path, json.dumps(body).encode(), query=query)
    (event,) = log.events
    assert (len(event.url), len(event.title), event.losses) == (2_024, 512, ())
