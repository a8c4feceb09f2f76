"""The Segment adapter: a pure function, so hostile input is cheap to try."""

import gzip
import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.admission.gate import cut
from tracker.event import Event, decode, encode
from tracker.http import request
from tracker.http.request import Request
from tracker.protocols import segment
from tracker.refusal import Refusal
from tracker.sites import Site

SITE = Site(id="shop", write_key="wk", secret_key="sk")
NOW = 1_795_000_000_000  # 2026-11-18T11:06:40Z


def find(key: str) -> Site | None:
    return SITE if key == "wk" else None


def ask(path: str, body: Any, **fields: Any) -> list[Event] | Refusal:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields.setdefault("authorization", "Basic " + b64encode(b"wk:").decode())
    collected = segment.collect(Request("POST", path, "", raw, NOW, **fields), find)
    if isinstance(collected, Refusal):
        return collected
    return collected.rejected[0].refusal if collected.rejected else collected.events


def one(path: str, body: Any, **fields: Any) -> Event:
    events = ask(path, body, **fields)
    assert isinstance(events, list), events
    assert len(events) == 1
    return events[0]


def refused(path: str, body: Any, **fields: Any) -> Refusal:
    answer = ask(path, body, **fields)
    assert isinstance(answer, Refusal), answer
    return answer


@pytest.mark.parametrize(
    ("short", "long"), [("t", "track"), ("p", "page"), ("s", "screen"), ("i", "identify")]
)
def test_short_and_long_paths_make_the_same_event(short: str, long: str) -> None:
    body = {"anonymousId": "a", "event": "X", "name": "X", "messageId": "m"}
    assert one(f"/v1/{short}", body) == one(f"/v1/{long}", body)
    assert one(f"/v1/{long}", body).type == long


def test_a_track_call_in_full() -> None:
    event = one(
        "/v1/track",
        {
            "messageId": "m-1",
            "anonymousId": "a1",
            "userId": "u1",
            "event": "Product Viewed",
            "properties": {"product_id": "p7", "price": 49.9},
            "context": {
                "page": {
                    "url": "https://shop.example/p/7",
                    "title": "Shoe",
                    "referrer": "https://g.example/",
                },
                "locale": "ko-KR",
                "screen": {"width": 390, "height": 844.0},
                "userAgent": "Mozilla/5.0 (iPhone)",
                "ip": "203.0.113.77",
                "library": {"name": "dangol.js", "version": "1"},
                "demo": True,
                "session": "s9",
                "location": {"latitude": 37.5},
            },
            "timestamp": "2026-11-18T10:20:00.000Z",
        },
        ip="198.51.100.0",
        ua="curl/8",
    )
    assert event == Event(
        site="shop",
        id="m-1",
        type="track",
        name="Product Viewed",
        visitor="a1",
        user="u1",
        ts=NOW - 2_800_000,
        received=NOW,
        url="https://shop.example/p/7",
        title="Shoe",
        referrer="https://g.example/",
        ip="203.0.113.0",
        ua="Mozilla/5.0 (iPhone)",
        lang="ko-KR",
        screen="390x844",
        props={"product_id": "p7", "price": 49.9},
        context={"library": {"name": "dangol.js", "version": "1"}, "demo": True, "session": "s9"},
        source="snippet",
        sender="198.51.100.0",
    )
    assert decode(encode(event)) == event


def test_a_page_call_keeps_the_address_in_its_own_columns() -> None:
    event = one(
        "/v1/page",
        {"anonymousId": "a", "name": "Home", "properties": {"url": "https://x/", "title": "T", "k": 1}},
    )
    assert (event.type, event.name, event.url, event.title, event.props) == (
        "page",
        "Home",
        "https://x/",
        "T",
        {"k": 1},
    )


def test_alias_and_group_carry_their_ids() -> None:
    alias = one("/v1/alias", {"previousId": "a1", "userId": "u1"})
    assert (alias.visitor, alias.user, alias.props) == ("a1", "u1", {"previousId": "a1"})
    group = one("/v1/group", {"userId": "u1", "groupId": "g", "traits": {"plan": "gold"}})
    assert (group.props, group.traits) == ({"groupId": "g"}, {"plan": "gold"})


def test_consent_is_accepted_in_a_batch_and_erase_is_not() -> None:
    consent = one(
        "/v1/batch", {"batch": [{"type": "consent", "anonymousId": "a", "properties": {"analytics": False}}]}
    )
    assert (consent.type, consent.props) == ("consent", {"analytics": False})
    assert refused("/v1/batch", {"batch": [{"type": "erase", "anonymousId": "a"}]}).field == "batch[0].type"


def test_batch_context_is_merged_and_the_items_own_wins() -> None:
    events = ask(
        "/v1/batch",
        {
            "context": {"locale": "ko", "demo": True},
            "integrations": {"All": True},
            "batch": [
                {"type": "track", "event": "A", "userId": "u", "context": {"locale": "de"}},
                {"type": "page", "anonymousId": "a"},
            ],
        },
    )
    assert isinstance(events, list)
    assert [(event.lang, event.context) for event in events] == [
        ("de", {"demo": True}),
        ("ko", {"demo": True}),
    ]


@pytest.mark.parametrize(
    ("authorization", "body_key"),
    [
        ("Basic " + b64encode(b"wk:").decode(), None),
        ("basic " + b64encode(b"wk:pass").decode(), None),
        ("Bearer wk", None),
        ("", "wk"),
        ("Basic !!!", "wk"),
        ("Basic " + b64encode(b"\xff\xfe:").decode(), "wk"),
    ],
)
def test_the_write_key_may_stand_in_header_or_body(authorization: str, body_key: str | None) -> None:
    body = {"userId": "u", "event": "E", "writeKey": body_key}
    assert one("/v1/track", body, authorization=authorization).site == "shop"
    assert isinstance(
        ask("/v1/batch", {"batch": [], "writeKey": body_key}, authorization=authorization), list
    )


@pytest.mark.parametrize("key", ["", "nope", "sk"])
def test_a_wrong_key_and_a_secret_key_are_unauthorized(key: str) -> None:
    answer = refused("/v1/track", {"userId": "u", "event": "E", "writeKey": key}, authorization="")
    assert (answer.status, answer.code) == (401, "bad_write_key")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"event": "E"}, "userId"),
        ({"event": "E", "anonymousId": None, "userId": ""}, "userId"),
        ({"userId": "u"}, "event"),
        ({"event": "E", "userId": [7]}, "userId"),
        ({"event": "E", "userId": True}, "userId"),
        ({"event": "E", "userId": 10**300}, "userId"),
        ({"event": "E", "anonymousId": ["a"]}, "anonymousId"),
        ({"event": "E", "userId": "u" * 20_000}, "userId"),
        ({"event": "E", "userId": "a\nb"}, "userId"),
        ({"event": "E", "userId": "u", "messageId": "m" * 101}, "messageId"),
        ({"event": "E", "userId": "u", "properties": []}, "properties"),
        ({"event": 5, "userId": "u"}, "event"),
    ],
)
def test_a_bad_field_is_named_alone_and_in_a_batch(body: dict[str, Any], field: str) -> None:
    assert refused("/v1/track", body).field == field
    good = {"type": "track", "event": "E", "userId": "u"}
    answer = refused("/v1/batch", {"batch": [good, {"type": "track", **body}]})
    assert (answer.status, answer.field) == (400, f"batch[1].{field}")


def test_limits() -> None:
    item = {"type": "track", "event": "E", "userId": "u"}
    assert refused("/v1/track", {**item, "properties": {"x": "y" * 33_000}}).code == "too_large"
    big = {"batch": [item, {**item, "properties": {"x": "y" * 33_000}}]}
    assert (refused("/v1/batch", big).code, refused("/v1/batch", big).field) == ("too_large", "batch[1]")
    assert isinstance(ask("/v1/batch", {"batch": [{**item, "properties": {"x": "y" * 30_000}}] * 3}), list)
    assert refused("/v1/batch", {"batch": [item] * 2_501}).field == "batch"
    assert isinstance(ask("/v1/batch", {"batch": [item] * 2_500}), list)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000, b'{"batch":' + b"[" * 99_999]
)
def test_what_is_not_a_json_object_is_refused(raw: bytes) -> None:
    assert refused("/v1/track", raw).status == 400
    assert refused("/v1/batch", raw).status == 400


def test_half_an_emoji_does_not_cost_the_batch() -> None:
    raw = rb'{"userId":"u","event":"caf\\ud83d \ud83d\ude00 cut \ud83d"}'
    assert one("/v1/track", raw).name == "caf\\ud83d 😀 cut \ufffd"


@pytest.mark.parametrize(
    ("fields", "ts", "flag"),
    [
        ({}, NOW, None),
        ({"timestamp": "2026-11-18T11:06:30.000Z"}, NOW - 10_000, None),
        ({"timestamp": "2026-11-18T11:06:30.000000+00:00"}, NOW - 10_000, None),
        ({"timestamp": "2026-11-18T20:06:30+09:00"}, NOW - 10_000, None),
        ({"timestamp": "2026-11-18T11:06:30"}, NOW - 10_000, None),
        # a clock two years slow, an event five seconds old when sent
        ({"timestamp": "2024-01-01T00:00:00Z", "sentAt": "2024-01-01T00:00:05Z"}, NOW - 5_000, None),
        (
            {"originalTimestamp": "2024-01-01T00:00:00Z", "timestamp": "x", "sentAt": "2024-01-01T00:00:05Z"},
            NOW - 5_000,
            None,
        ),
        ({"timestamp": "2024-01-01T00:00:00Z", "sentAt": "soon"}, 1_704_067_200_000, None),
        ({"timestamp": 1_794_999_990}, NOW - 10_000, None),
        ({"timestamp": "2099-01-01T00:00:00Z"}, NOW, "future"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, NOW, "past"),
        ({"timestamp": "yesterday"}, NOW, "invalid"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, NOW, "past"),
    ],
)
def test_the_clients_clock_is_corrected(fields: dict[str, str], ts: int, flag: str | None) -> None:
    event = one("/v1/track", {"userId": "u", "event": "E", **fields})
    assert (event.ts, event.received, event.context.get("clock")) == (ts, NOW, flag)
    if "sentAt" in fields:
        sent = fields.pop("sentAt")
        body = {"sentAt": sent, "batch": [{"type": "track", "userId": "u", "event": "E", **fields}]}
        assert one("/v1/batch", body).ts == ts


@pytest.mark.parametrize(("key", "ts", "flag"), [("sk", 1_291_191_960_000, None), ("wk", NOW, "past")])
def test_the_sites_own_server_tells_of_its_whole_history(key: str, ts: int, flag: str | None) -> None:
    """A page that is sixteen years late has a wrong clock; a shop has orders of that time."""

    def told(when: str) -> tuple[int, Any]:
        raw = json.dumps({"userId": "u", "event": "E", "timestamp": when}).encode()
        basic = "Basic " + b64encode(f"{key}:".encode()).decode()
        request = Request("POST", "/v1/track", "", raw, NOW, authorization=basic)
        collected = segment.collect(request, lambda _: SITE)
        assert not isinstance(collected, Refusal)
        return collected.events[0].ts, collected.events[0].context.get("clock")

    assert told("2010-12-01T08:26:00Z") == (ts, flag)
    assert told("1970-01-01T00:00:00Z") == (NOW, "past")


def test_a_message_id_is_made_where_none_was_sent() -> None:
    first, second = (one("/v1/track", {"userId": "u", "event": "E"}) for _ in range(2))
    assert first.id != second.id
    assert 0 < len(first.id) <= 100


def test_long_texts_are_cut_not_refused() -> None:
    page = {"url": "https://x/" + "u" * 5_000, "title": "t" * 5_000, "referrer": 7}
    event = one("/v1/page", {"userId": "u", "context": {"page": page, "screen": "wide", "locale": 3}})
    assert (event.referrer, event.screen) == ("", "")
    kept = cut(event)
    assert (len(kept.url), len(kept.title)) == (2_048, 512)
    assert [(each.field, each.reason) for each in kept.losses] == [("url", "cut"), ("title", "cut")]


def test_a_servers_own_user_agent_is_not_the_visitors() -> None:
    body = {"userId": "u", "event": "E"}
    assert one("/v1/track", body, ua="analytics-python/2.4").ua == ""
    assert one("/v1/track", body, ua="Mozilla/5.0 (X11)").ua == "Mozilla/5.0 (X11)"


@pytest.mark.parametrize("cut", [0, -1, -9])
def test_gzip_is_read_by_its_bytes_and_bounded(cut: int) -> None:
    packed = gzip.compress(b'{"a": 1}' * 10)
    if cut:
        assert isinstance(request.gunzip(packed[:cut], 1_000), Refusal)
    else:
        assert request.gunzip(packed, 1_000) == b'{"a": 1}' * 10
        assert request.gunzip(packed + packed, 1_000) == b'{"a": 1}' * 20
        assert request.gunzip(packed, 10) == request.TOO_LARGE
    bomb = gzip.compress(b"0" * 50_000_000)
    assert request.gunzip(bomb, 500_000) == request.TOO_LARGE


def test_settings_for_the_browser_library() -> None:
    answer = segment.settings("/v1/projects/wk/settings", "t.example:8000", find)
    assert isinstance(answer, bytes)
    assert json.loads(answer) == {
        "integrations": {"Segment.io": {"apiKey": "wk", "apiHost": "t.example:8000/v1"}}
    }
    assert isinstance(segment.settings("/v1/projects/no/settings", "t.example", find), Refusal)
    assert isinstance(segment.settings("/v1/projects/wk/settings", 'x"><script>', find), Refusal)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "type",
    "messageId",
    "anonymousId",
    "userId",
    "previousId",
    "groupId",
    "event",
    "name",
    "category",
    "properties",
    "traits",
    "context",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "writeKey",
    "integrations",
]
plausible = (
    st.text(max_size=120) | st.sampled_from(["track", "page", "consent", "2026-11-18T11:06:30Z"]) | anything
)
items = st.dictionaries(st.sampled_from(NAMES), plausible, max_size=10)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(segment.KINDS)), items)
def test_no_single_call_raises_and_every_event_can_be_read_back(kind: str, body: dict[str, Any]) -> None:
    check(ask(f"/v1/{kind}", body))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["context", "sentAt", "writeKey"]), anything),
    st.lists(items | anything, max_size=4),
)
def test_no_batch_raises(head: dict[str, Any], batch: list[Any]) -> None:
    check(ask("/v1/batch", {**head, "batch": batch}))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=60))
def test_no_bytes_and_no_header_raise(raw: bytes, authorization: str) -> None:
    check(ask("/v1/batch", raw, authorization=authorization))
    check(ask("/v1/t", raw, authorization=authorization))
    assert isinstance(request.gunzip(b"\x1f\x8b" + raw, 1_000), bytes | Refusal)


def check(answer: list[Event] | Refusal) -> None:
    if isinstance(answer, Refusal):
        assert answer.status in (400, 401)
        assert msgspec.json.decode(answer.body())["error"]["code"] == answer.code
        return
    for event in answer:
        assert decode(encode(event)) == event
        assert event.visitor or event.user
        assert 0 < len(event.id) <= 100
