"""The quick way through ordinary URLs cuts where the library cuts."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.channels import arrival
from ingest.enrich.urls import PATH_LIMIT, Url, parse


def by_library(url: str) -> Url:
    if not url:
        return Url()
    try:
        parts = urlsplit(url)
    except ValueError:
        return Url()
    host = (parts.hostname or "").removeprefix("www.")
    return Url(host, unquote(parts.path)[:PATH_LIMIT] or "/", parts.query, parts.fragment)


hosts = st.text("aw0.-:@[]A%é", max_size=8) | st.sampled_from(
    ["www.", "www", "www.www.a", "www.-a", "a.b:80"]
)
tails = st.text("/?#&=%41 é\t\n\x00\x7f\u3000;", max_size=12)


@given(st.sampled_from(["http://", "https://", "https://www.", "HTTP://", "//", ""]), hosts, tails)
def test_parts_are_those_of_the_library(scheme: str, host: str, tail: str) -> None:
    url = scheme + host + tail
    assert parse(url) == by_library(url)


def test_a_host_is_no_longer_than_the_dns_allows() -> None:
    assert parse("https://" + "a." * 125 + "com/p") == Url("a." * 125 + "com", "/p")
    for long in ("https://", "HTTPS://"):
        assert parse(long + "a." * 126 + "com/p") == Url("", "/p")


@given(st.text(max_size=50))
def test_anything_has_parts(url: str) -> None:
    assert parse(url) == by_library(url)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://www.shop.example:443/caf%C3%A9?a=1#top", Url("shop.example", "/café", "a=1", "top")),
        ("https://shop.example", Url("shop.example", "/", "")),
        ("/only/a/path?q", Url("", "/only/a/path", "q")),
        ("http://[::1", Url()),
        ("", Url()),
    ],
)
def test_examples(url: str, parts: Url) -> None:
    assert parse(url) == parts


@pytest.mark.parametrize("query", ["utm_source=a", "x=1&utm_source=a", "utm%5Fsource=a", "%75tm_source=a"])
def test_a_tag_is_found_wherever_it_stands(query: str) -> None:
    came = arrival(f"https://shop.example/?{query}", "")
    assert came is not None
    assert came.origin == "a"
