"""The Snowplow adapter, alone and with the official Python client."""

import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snowplow_tracker import (
    Emitter,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Tracker,
)

from tests.support.tracker_server import TrackerServer
from tracker.admission.proof import proof_of
from tracker.event import Event, decode, encode
from tracker.http.request import Request
from tracker.protocols import snowplow
from tracker.protocols.snowplow import SnowplowPayload
from tracker.refusal import Refusal
from tracker.sites import Site

SITE = Site(id="shop", write_key="wk", secret_key="sk")
NOW = 1_795_000_000_000


def unless_refused(answer: SnowplowPayload | Refusal) -> SnowplowPayload | Refusal:
    """The payload; the reason where nothing of it could be used."""
    if isinstance(answer, SnowplowPayload) and not answer.collected.events and answer.collected.rejected:
        return answer.collected.rejected[0].refusal
    return answer


def find(name: str) -> Site | None:
    return SITE if name in ("shop", "") else None


def get(params: dict[str, Any], **options: Any) -> SnowplowPayload | Refusal:
    return unless_refused(
        snowplow.collect(Request("GET", "/i", urlencode(params), b"", NOW, **options), find)
    )


def post(data: Any, schema: str = "s", **headers: Any) -> SnowplowPayload | Refusal:
    raw = data if isinstance(data, bytes) else json.dumps({"schema": schema, "data": data}).encode()
    return unless_refused(
        snowplow.collect(Request("POST", snowplow.POST_PATH, "", raw, NOW, **headers), find)
    )


def one(params: dict[str, Any]) -> Event:
    for answer in (get(params), post([params])):
        assert isinstance(answer, SnowplowPayload), answer
    assert isinstance(answer, SnowplowPayload)
    return answer.collected.events[0]


BASE = {"aid": "shop", "p": "web", "tv": "js-3", "duid": "d1", "eid": "e1"}


def test_a_page_view() -> None:
    event = one(
        {
            **BASE,
            "e": "pv",
            "url": "https://x/",
            "page": "T",
            "refr": "https://r/",
            "res": "390x844",
            "lang": "ko",
        }
    )
    assert (event.type, event.id, event.visitor, event.source) == ("page", "e1", "d1", "snowplow")
    assert (event.url, event.title, event.referrer, event.screen) == (
        "https://x/",
        "T",
        "https://r/",
        "390x844",
    )


@pytest.mark.parametrize(
    ("times", "ts"),
    [
        ({}, NOW),
        ({"ttm": str(NOW - 5), "dtm": "1", "stm": "2"}, NOW - 5),
        ({"dtm": "1000", "stm": "4000"}, NOW - 3_000),
        ({"dtm": "4500", "stm": "4000"}, NOW),  # stm cut to whole seconds
        ({"dtm": "x", "stm": "4000"}, NOW),
        ({"ttm": "9" * 14}, NOW),
    ],
)
def test_its_own_clock_rule(times: dict[str, str], ts: int) -> None:
    assert one({**BASE, "e": "pv", **times}).ts == ts


def test_self_describing_events_plain_and_in_base64() -> None:
    data = {
        "schema": "iglu:a/unstruct_event/jsonschema/1-0-0",
        "data": {"schema": "iglu:com.x/link_click/jsonschema/1-0-1", "data": {"targetUrl": "https://y/"}},
    }
    text = json.dumps(data)
    plain = one({**BASE, "e": "ue", "ue_pr": text})
    packed = one({**BASE, "e": "ue", "ue_px": urlsafe_b64encode(text.encode()).decode().rstrip("=")})
    assert (
        (plain.name, plain.props)
        == (packed.name, packed.props)
        == ("Link Click", {"targetUrl": "https://y/"})
    )
    assert isinstance(get({**BASE, "e": "ue", "ue_px": "%%%"}), Refusal)


def test_a_transaction_takes_the_items_that_came_with_it() -> None:
    items = [
        {**BASE, "e": "tr", "tr_id": "o1", "tr_tt": "99.5", "tr_cu": "EUR"},
        {**BASE, "eid": "e2", "e": "ti", "ti_id": "o1", "ti_sk": "007", "ti_pr": "49.75", "ti_qu": "2"},
    ]
    answer = post(items)
    assert isinstance(answer, SnowplowPayload)
    [order] = answer.collected.events
    assert order.name == "Order Completed"
    line = {"product_id": "007", "price": 49.75, "quantity": 2}
    assert order.props == {"order_id": "o1", "revenue": 99.5, "currency": "EUR", "products": [line]}
    assert one({**items[1]}).name == "Order Item"


def test_the_visitor_comes_from_the_event_then_the_cookie_then_is_new() -> None:
    params = {"aid": "shop", "e": "pv"}
    cookie, fresh = get(params, cookie="a=b; sp=c-1"), get(params)
    assert isinstance(cookie, SnowplowPayload)
    assert isinstance(fresh, SnowplowPayload)
    assert (cookie.collected.events[0].visitor, cookie.visitor) == ("c-1", "c-1")
    assert fresh.collected.events[0].visitor == fresh.visitor
    server = one({"aid": "shop", "e": "pv", "p": "srv", "uid": "u1"})
    assert (server.visitor, server.user) == (None, "u1")


def test_anonymous_has_no_address_and_no_cookie_id() -> None:
    request = Request("GET", "/i", "aid=shop&e=pv", b"", NOW, ip="203.0.113.0", cookie="sp=c-1")
    answer = snowplow.collect(request, find, anonymous=True, fallback="~day")
    assert isinstance(answer, SnowplowPayload)
    assert (answer.collected.events[0].visitor, answer.collected.events[0].ip) == ("~day", "")


def test_one_bad_event_does_not_cost_its_neighbours() -> None:
    answer = post([{**BASE, "e": "pv"}, {**BASE, "e": "zz"}, {**BASE, "e": "pv", "duid": "x" * 300}])
    assert isinstance(answer, SnowplowPayload)
    assert len(answer.collected.events) == 1
    assert [each.refusal.field for each in answer.collected.rejected] == ["data[1].e", "data[2].duid"]
    assert isinstance(post([{**BASE, "e": "zz"}]), Refusal)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"data": 3}', b'{"data": [3]}', b"[" * 100_000, b"\xff"])
def test_what_is_no_payload_is_refused(raw: bytes) -> None:
    assert isinstance(post(raw), Refusal)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "aid",
    "e",
    "eid",
    "duid",
    "uid",
    "dtm",
    "stm",
    "ttm",
    "ue_pr",
    "ue_px",
    "co",
    "cx",
    "tr_id",
    "ti_id",
    "ti_sk",
    "ip",
    "p",
]
params = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(["pv", "ue", "tr", "ti", "se", "{}", "1"]) | anything
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(params | anything, max_size=4))
def test_nothing_raises(data: list[Any]) -> None:
    answer = post(data)
    if isinstance(answer, SnowplowPayload):
        assert all(decode(encode(event)) == event for event in answer.collected.events)


@pytest.mark.parametrize("method", ["post", "get"])
@pytest.mark.parametrize("base64", [True, False])
def test_the_python_client(tracker: TrackerServer, method: Any, base64: bool) -> None:
    failures: list[Any] = []
    emitter = Emitter(
        "127.0.0.1",
        protocol="http",
        port=tracker.port,
        method=method,
        batch_size=1,
        on_failure=lambda count, events: failures.append((count, events)),
    )
    client = Tracker("ns", emitter, app_id="default", encode_base64=base64)
    subject = (
        Subject().set_user_id("u1").set_domain_user_id("d1").set_lang("ko").set_screen_resolution(390, 844)
    )
    client.track(
        PageView(
            page_url="https://shop.example/a",
            page_title="한글",
            referrer="https://r.example/",
            event_subject=subject,
            context=[
                SelfDescribingJson("iglu:dangol/proof/jsonschema/1-0-0", {"proof": proof_of("sk_test", "u1")})
            ],
        )
    )
    client.track(
        StructuredEvent(category="shop", action="Search", label="boots", value=3.0, event_subject=subject)
    )
    payload = SelfDescribingJson("iglu:com.example/wish_listed/jsonschema/1-0-0", {"product_id": "p7"})
    client.track(SelfDescribing(event_json=payload, event_subject=subject))
    client.flush()
    assert failures == []
    events = tracker.wait_for(3)
    assert [event.name or event.type for event in events] == ["page", "Search", "Wish Listed"]
    page = events[0]
    assert (page.visitor, page.user, page.title, page.lang, page.screen) == (
        "d1",
        "u1",
        "한글",
        "ko",
        "390x844",
    )
    assert [event.proven for event in events] == [True, False, False]
    assert abs(page.ts - page.received) < 60_000
    assert events[2].props == {"product_id": "p7"}


def test_half_an_emoji_does_not_cost_the_payload() -> None:
    raw = rb'{"schema":"s","data":[{"aid":"shop","p":"web","e":"pv","duid":"d1","eid":"e1","page":"cut \ud83d"}]}'
    answer = post(raw)
    assert isinstance(answer, SnowplowPayload), answer
    assert answer.collected.events[0].title == "cut \ufffd"
    inside = rb'{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":'
    inside += rb'{"schema":"iglu:a.b/add_to_cart/jsonschema/1-0-0","data":{"name":"cut \ud83d"}}}'
    assert one({**BASE, "e": "ue", "ue_pr": inside.decode()}).props["name"] == "cut \ufffd"
