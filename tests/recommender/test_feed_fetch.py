"""Fetching a feed from a real server: in bounds, with checks of every address, and only when it has changed."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.feeds import fetch
from recommender.feeds.addresses import is_internal
from recommender.feeds.fetch import Fetcher, FetchFailed
from tests.support.feed_server import FeedServer


@pytest.fixture
def server() -> Iterator[FeedServer]:
    running = FeedServer()
    yield running
    running.close()


def test_a_feed_is_fetched_and_asked_for_again_only_when_it_changed(
    server: FeedServer, tmp_path: Path
) -> None:
    into, fetcher = tmp_path / "feed", Fetcher(internal=True)
    server.gives("/feed.xml", b"one", ETag='"1"', Last_Modified="Mon, 30 Nov 2026 10:00:00 GMT")
    found = fetcher.fetch(f"{server.url}/feed.xml?a=차 b", into)
    assert found.changed and into.read_bytes() == b"one" and found.validators.etag == '"1"'
    assert server.asked == ["/feed.xml?a=%EC%B0%A8%20b"]
    server.gives("/feed.xml", b"", 304)
    again = fetcher.fetch(f"{server.url}/feed.xml", into, found.validators)
    assert not again.changed and again.validators == found.validators
    assert server.headers["If-None-Match"] == '"1"' and "GMT" in server.headers["If-Modified-Since"]


def test_a_password_goes_to_its_own_server_alone(server: FeedServer, tmp_path: Path) -> None:
    other = FeedServer()
    try:
        other.gives("/there", b"x")
        server.gives("/feed", b"", 302, Location=f"{other.url}/there")
        secret = server.url.replace("//", "//me:s%40cret@")
        Fetcher(internal=True).fetch(f"{secret}/feed", tmp_path / "f")
        assert server.headers["Authorization"] == "Basic bWU6c0BjcmV0"
        assert "Authorization" not in other.headers
        server.gives("/gone", b"", 404)
        with pytest.raises(FetchFailed) as failed:
            Fetcher().fetch(f"{secret}/gone", tmp_path / "f")
        assert "cret" not in str(failed.value)
    finally:
        other.close()


INTERNAL = [
    *(
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
    ),
    *(
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
    ),
    *(
        "2002:7f00:1::",
        "2002:a00:1::",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "fe80::1%eth0",
    ),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "not an address", ""),
]


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses_are_refused(address: str, tmp_path: Path) -> None:
    assert is_internal(address)
    with pytest.raises(FetchFailed, match="internal"):
        Fetcher(resolve=lambda *_: ["93.184.216.34", address]).fetch(
            "http://shop.example/feed", tmp_path / "f"
        )


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"]
)
def test_addresses_of_the_internet_are_not(address: str) -> None:
    assert not is_internal(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_counts_as_itself(inner: IPv4Address) -> None:
    number, alone = int(inner), is_internal(str(inner))
    assert is_internal(str(IPv6Address(0xFFFF << 32 | number))) == alone
    assert is_internal(str(IPv6Address(0x2002 << 112 | number << 80))) == alone
    assert is_internal(str(IPv6Address((0x64FF9B << 96) | number))) == alone


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
        "http://[::ffff:127.0.0.1]:1/",
        "http://2130706433:1/",
        "http://0x7f000001:1/",
        "http://127.1:1/",
        "http://0:1/",
        "http://me@127.0.0.1:1/",
        "https://127.0.0.1:1/",
    ],
)
def test_ways_to_write_this_machine(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="internal"):
        Fetcher().fetch(url, tmp_path / "f")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/y",
        "gopher://x",
        "",
        "feed.xml",
        "http://",
        "http://[x",
        "data:,x",
        "http://a:99999/",
    ],
)
def test_only_http(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed):
        Fetcher(internal=True).fetch(url, tmp_path / "f")


def test_a_name_is_resolved_once(server: FeedServer, tmp_path: Path) -> None:
    """A name that is public when it is checked and this machine a moment later."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["203.0.113.1"] if len(asked) > 1 else ["127.0.0.1"]

    server.gives("/feed", b"x")
    port = server.url.rpartition(":")[2]
    assert (
        Fetcher(internal=True, resolve=rebinding)
        .fetch(f"http://shop.example:{port}/feed", tmp_path / "f")
        .changed
    )
    assert asked == ["shop.example"] and server.headers["Host"] == f"shop.example:{port}"


def test_redirects_are_checked(server: FeedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public server that leads to this machine: the second look finds it."""
    server.gives("/away", b"", 302, Location="http://internal.example/secret")

    def resolve(host: str, port: int) -> list[str]:
        return ["169.254.169.254"] if host == "internal.example" else ["127.0.0.1"]

    # The first server stands for one of the internet.
    monkeypatch.setattr(fetch, "is_internal", lambda address: address != "127.0.0.1" and is_internal(address))
    fetcher = Fetcher(resolve=resolve)
    with pytest.raises(FetchFailed, match=r"169\.254\.169\.254"):
        fetcher.fetch(f"{server.url}/away", tmp_path / "f")
    server.gives("/round", b"", 302, Location="/round")
    with pytest.raises(FetchFailed, match="redirects"):
        Fetcher(internal=True).fetch(f"{server.url}/round", tmp_path / "f")
    server.gives("/file", b"", 302, Location="file:///etc/passwd")
    with pytest.raises(FetchFailed, match="only http"):
        Fetcher(internal=True).fetch(f"{server.url}/file", tmp_path / "f")


def test_size_and_time_are_bounded(server: FeedServer, tmp_path: Path) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 1000)
                time.sleep(0.01)
        except OSError:
            pass

    server.answers["/endless"] = endless
    with pytest.raises(FetchFailed, match="more than 50,000 bytes"):
        Fetcher(internal=True, size_limit=50_000).fetch(f"{server.url}/endless", tmp_path / "f")
    with pytest.raises(FetchFailed, match="takes longer"):
        Fetcher(internal=True, seconds=0.5).fetch(f"{server.url}/endless", tmp_path / "f")


def test_a_feed_that_is_cut_off_fails(server: FeedServer, tmp_path: Path) -> None:
    server.gives("/feed", b"half", Content_Length="400")
    with pytest.raises(FetchFailed, match="broke off"):
        Fetcher(internal=True).fetch(f"{server.url}/feed", tmp_path / "f")
