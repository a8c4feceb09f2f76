"""The pixel's fields, cookie and refusals."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.event import decode, encode
from tracker.http import address
from tracker.http.request import Request
from tracker.protocols import pixel
from tracker.refusal import Refusal
from tracker.sites import Site

SITE = Site(id="shop", write_key="wk", secret_key="sk")
NOW = 1_795_000_000_000


def find(key: str) -> Site | None:
    return SITE if key == "wk" else None


def hit(query: str | dict[str, str], **headers: str) -> pixel.Hit | Refusal:
    text = query if isinstance(query, str) else urlencode(query)
    return pixel.collect(Request("GET", "/t.gif", text, b"", NOW, **headers), find)


def test_the_image_is_the_smallest_transparent_gif() -> None:
    assert len(pixel.GIF) == 43
    assert pixel.GIF.startswith(b"GIF89a")
    assert pixel.GIF.endswith(b";")


def test_a_page_view_with_everything() -> None:
    answer = hit(
        {
            "k": "wk",
            "v": "a1",
            "u": "u1",
            "url": "https://x/?q=신발",
            "title": "T",
            "ref": "https://r/",
            "id": "m",
            "p.a": "1",
        },
        ua="Mozilla/5.0",
        language="ko-KR,ko;q=0.9",
        ip="203.0.113.0",
    )
    assert isinstance(answer, pixel.Hit)
    event = answer.event
    assert not answer.new
    assert (event.type, event.visitor, event.user, event.id) == ("page", "a1", "u1", "m")
    assert (event.url, event.title, event.referrer) == ("https://x/?q=신발", "T", "https://r/")
    assert (event.props, event.lang, event.source) == ({"a": "1"}, "ko-KR", "pixel")
    assert decode(encode(event)) == event


def test_an_event_name_makes_it_a_track() -> None:
    answer = hit("k=wk&v=a&e=Mail+Opened")
    assert isinstance(answer, pixel.Hit)
    assert (answer.event.type, answer.event.name) == ("track", "Mail Opened")


def test_the_visitor_comes_from_query_then_cookie_then_is_new() -> None:
    query, cookie = hit("k=wk&v=q", cookie="dangol_v=c"), hit("k=wk", cookie="a=b; dangol_v=c; d=e")
    new, hostile = hit("k=wk", cookie="xdangol_v=c"), hit("k=wk", cookie='dangol_v="<x>"')
    answers = [query, cookie, new, hostile]
    assert all(isinstance(answer, pixel.Hit) for answer in answers)
    assert [answer.new for answer in answers if isinstance(answer, pixel.Hit)] == [False, False, True, True]
    assert isinstance(query, pixel.Hit)
    assert isinstance(cookie, pixel.Hit)
    assert (query.event.visitor, cookie.event.visitor) == ("q", "c")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "k"),
        ("k=no", "k"),
        ("k=wk&t=erase", "t"),
        ("k=wk&t=track", "e"),
        ("k=wk&v=" + "a" * 300, "v"),
        ("k=wk&u=%0a", "u"),
        ("k=wk&id=" + "a" * 101, "id"),
        ("k=wk&x=" + "a" * 33_000, None),
        ("k=wk" + "&a=b" * 300, None),
    ],
)
def test_refusals_name_the_field(query: str, field: str | None) -> None:
    answer = hit(query)
    assert isinstance(answer, Refusal)
    assert answer.field == field


@given(st.text(max_size=300))
def test_no_query_raises(query: str) -> None:
    for text in (query, "k=wk&" + query):
        answer = hit(text, cookie=query)
        if isinstance(answer, pixel.Hit):
            assert decode(encode(answer.event)) == answer.event


@pytest.mark.parametrize(
    ("full", "kept"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("", ""),
        ("203.0.113", ""),
        ("x", ""),
        ("1.2.3.4\0", ""),
    ],
)
def test_addresses_are_truncated(full: str, kept: str) -> None:
    assert address.truncate(full) == kept


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ("1.1.1.1", 0, "9.9.9.9"),
        ("", 1, "9.9.9.9"),
        ("6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.1", 2, "1.1.1.1"),
        ("1.1.1.1", 2, "1.1.1.1"),
        ("[2001:db8::1]:443", 1, "2001:db8::1"),
        ("1.1.1.1:55", 1, "1.1.1.1"),
        ("2001:db8::1", 1, "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(forwarded: str, proxies: int, expected: str) -> None:
    assert address.client("9.9.9.9", forwarded, proxies) == expected
