"""The Matomo adapter: a pure function."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.event import decode, encode
from tracker.http.request import Request
from tracker.protocols import matomo
from tracker.protocols.matomo import Finders, MatomoPayload
from tracker.refusal import Refusal
from tracker.sites import Site

SITE = Site(id="shop", write_key="wk", secret_key="sk")
NOW = 1_795_000_000_000  # 2026-11-18T11:06:40Z
FIND = Finders(
    lambda name: SITE if name == "1" else None,
    lambda site, ip, ua: f"~{site.id}{ip}{ua}",
)
BASE = {"idsite": "1", "rec": "1", "_id": "0123456789abcdef"}


def get(params: dict[str, Any], **headers: str) -> MatomoPayload | Refusal:
    return matomo.collect(Request("GET", "/matomo.php", urlencode(params), b"", NOW, **headers), FIND)


def post(body: Any, query: str = "") -> MatomoPayload | Refusal:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return matomo.collect(Request("POST", "/matomo.php", query, raw, NOW), FIND)


def taken(answer: MatomoPayload | Refusal) -> MatomoPayload:
    assert isinstance(answer, MatomoPayload), answer
    return answer


def test_a_page_view() -> None:
    answer = taken(
        get(
            {
                **BASE,
                "url": "https://x/",
                "action_name": "T",
                "urlref": "https://r/",
                "res": "390x844",
                "uid": "u",
            }
        )
    )
    [event] = answer.collected.events
    assert (event.type, event.visitor, event.user, event.source) == (
        "page",
        "0123456789abcdef",
        "u",
        "matomo",
    )
    assert (event.url, event.title, event.referrer, event.screen) == (
        "https://x/",
        "T",
        "https://r/",
        "390x844",
    )
    assert (answer.image, answer.bulk) == (True, False)
    assert not taken(get({**BASE, "send_image": "0"})).image


@pytest.mark.parametrize(
    ("params", "name", "props"),
    [
        (
            {"e_c": "c", "e_a": "Play", "e_n": "2024", "e_v": "4.5"},
            "Play",
            {"category": "c", "action": "Play", "name": "2024", "value": 4.5},
        ),
        ({"search": "boots", "search_count": "3"}, "Products Searched", {"query": "boots", "results": 3}),
        ({"link": "https://y/"}, "Link Clicked", {"href": "https://y/"}),
        ({"download": "https://y/a.pdf"}, "File Downloaded", {"href": "https://y/a.pdf"}),
        ({"ping": "1"}, "Page Ping", {}),
        ({"idgoal": "3", "revenue": "5"}, "Goal 3", {"revenue": 5}),
        (
            {"idgoal": "0", "ec_items": '[["7","Boot",["shoes","x"],10,2]]', "revenue": "20"},
            "Cart Viewed",
            {
                "revenue": 20,
                "products": [
                    {"product_id": "7", "name": "Boot", "category": "shoes", "price": 10, "quantity": 2}
                ],
            },
        ),
        (
            {"idgoal": "0", "ec_id": "o1", "ec_st": "9", "ec_items": "[broken"},
            "Order Completed",
            {"order_id": "o1", "subtotal": 9},
        ),
    ],
)
def test_what_a_request_reports(params: dict[str, str], name: str, props: dict[str, Any]) -> None:
    [event] = taken(get({**BASE, **params})).collected.events
    assert (event.type, event.name, event.props) == ("track", name, props)


def test_a_product_page_is_a_page_and_a_product() -> None:
    page, product = taken(
        get({**BASE, "url": "https://x/", "_pks": "007", "_pkn": "Boot", "_pkc": '["shoes"]', "_pkp": "9.5"})
    ).collected.events
    assert page.type == "page"
    assert (product.name, product.props) == (
        "Product Viewed",
        {"product_id": "007", "name": "Boot", "price": 9.5, "category": "shoes"},
    )
    _, category = taken(get({**BASE, "_pkc": "shoes"})).collected.events
    assert (category.name, category.props) == ("Product List Viewed", {"category": "shoes"})


@pytest.mark.parametrize(
    ("params", "field", "status"),
    [
        ({"idsite": "9"}, "idsite", 401),
        ({"rec": ""}, "rec", 400),
        ({"_id": "x" * 300}, "_id", 400),
        ({"cip": "203.0.113.9"}, "cip", 401),
        ({"cip": "203.0.113.9", "token_auth": "wk"}, "cip", 401),
        ({"cdt": "2026-11-16 00:00:00"}, "cdt", 401),
    ],
)
def test_refusals_name_the_field(params: dict[str, str], field: str, status: int) -> None:
    answer = get({**BASE, **params})
    assert isinstance(answer, Refusal)
    assert (answer.field, answer.status) == (field, status)


def test_the_token_allows_address_and_old_times() -> None:
    token = {**BASE, "token_auth": "sk"}
    [event] = taken(get({**token, "cip": "203.0.113.9", "cdt": "2026-11-01 00:00:00"})).collected.events
    assert (event.ip, event.ts) == ("203.0.113.0", 1_793_491_200_000)
    [recent] = taken(get({**BASE, "cdt": str(NOW // 1000 - 60)})).collected.events
    assert recent.ts == NOW - 60_000


def test_without_an_id_a_visitor_lasts_a_day() -> None:
    [event] = taken(get({"idsite": "1", "rec": "1"}, ip="203.0.113.0", ua="UA")).collected.events
    assert (event.visitor, event.context["cookieless"]) == ("~shop203.0.113.0UA", True)


def test_bulk_as_query_strings_and_as_objects() -> None:
    body = {
        "requests": [
            "?" + urlencode({**BASE, "url": "https://a/"}),
            {**BASE, "idsite": 1, "rec": 1, "url": "https://b/"},
            "?idsite=9",
            {},
        ],
        "token_auth": "sk",
    }
    answer = taken(post(body))
    assert [event.url for event in answer.collected.events] == ["https://a/", "https://b/"]
    assert (answer.requests, len(answer.collected.rejected), answer.bulk) == (4, 2, True)


def test_a_form_by_post() -> None:
    [event] = taken(post(urlencode({**BASE, "url": "https://x/"}).encode())).collected.events
    assert event.url == "https://x/"
    assert taken(post(b"", query=urlencode(BASE))).requests == 1


@pytest.mark.parametrize("raw", [b"", b"{", b'{"requests": 3}', b"{" + b"[" * 99_999, b"\xff", b"a&" * 500])
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    assert isinstance(post(raw), Refusal)


NAMES = [
    "idsite",
    "rec",
    "_id",
    "uid",
    "url",
    "cdt",
    "idgoal",
    "ec_id",
    "ec_items",
    "_pks",
    "_pkc",
    "e_c",
    "e_a",
    "search",
    "ping",
]
values = st.sampled_from(["1", "0", "[]", "[[1]]", '[["a",{},[],null]]', "2026-11-18"]) | st.text(max_size=20)
deep = st.recursive(st.integers() | values, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), values),
    st.lists(st.dictionaries(st.sampled_from(NAMES), deep) | values, max_size=3),
)
def test_nothing_raises(params: dict[str, str], requests: list[Any]) -> None:
    for answer in (get({**BASE, **params}), post({"requests": [{**BASE, **params}, *requests]})):
        if isinstance(answer, MatomoPayload):
            assert all(decode(encode(event)) == event for event in answer.collected.events)


def test_half_an_emoji_does_not_cost_the_requests() -> None:
    raw = rb'{"requests":[{"idsite":"1","rec":"1","_id":"0123456789abcdef","action_name":"cut \ud83d"}]}'
    assert taken(post(raw)).collected.events[0].title == "cut \ufffd"


def test_a_number_is_a_product_as_exactly_as_elsewhere() -> None:
    items = '[[10000001.0, "a"], [10000002, "b"], ["10000003", "c"], [null, "d"], [[], "e"], [true, "f"]]'
    [event] = taken(get({**BASE, "idgoal": "0", "ec_id": "o1", "ec_items": items})).collected.events
    products = [line["product_id"] for line in event.props["products"]]
    assert products == ["10000001", "10000002", "10000003"]
