"""Clients that send one byte a second: they cost no thread, delay nobody, and are cut when their time is over."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tracker_server import TrackerServer, post
from tracker.http.rsgi import BODY_SECONDS

CLIENTS = 200
EVENT = {"writeKey": "wk_test", "userId": "u", "event": "E"}
HEAD = b"POST %s HTTP/1.1\r\nHost: t.example\r\nOrigin: https://shop.example\r\n%s\r\n\r\n"


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[TrackerServer]:
    with TrackerServer(tmp_path) as server:
        yield server


def slow(tracker: TrackerServer, number: int) -> socket.socket:
    """A request whose body has begun: with a length or in chunks, for the tracker or for what is behind the bridge."""
    path = b"/v1/personalize" if number % 4 == 3 else b"/v1/track"
    length = b"Transfer-Encoding: chunked" if number % 2 else b"Content-Length: 300"
    client = socket.create_connection(("127.0.0.1", tracker.port), timeout=5)
    client.sendall(HEAD % (path, length))
    return client


@pytest.mark.slow
def test_slow_bodies_delay_nobody_and_are_cut(tracker: TrackerServer) -> None:
    start = time.monotonic()
    clients = [slow(tracker, number) for number in range(CLIENTS)]
    slowest = 0.0
    while (passed := time.monotonic() - start) < BODY_SECONDS - 1:
        for number, client in enumerate(clients):
            client.sendall(b"1\r\n{\r\n" if number % 2 else b"{")
        for path in ("/v1/track", "/v1/personalize"):
            asked = time.monotonic()
            assert post(tracker.host, path, EVENT)[0] == 200
            slowest = max(slowest, time.monotonic() - asked)
        time.sleep(max(0.0, start + int(passed) + 1 - time.monotonic()))
    assert slowest < 1.0  # some milliseconds; the rest is room for a busy test machine
    for client in clients:
        answer = client.makefile("rb").read()  # to the end: the server closes
        assert answer.startswith(b"HTTP/1.1 408 "), answer[:80]
        assert b'"slow_body"' in answer
        client.close()
    assert time.monotonic() - start < BODY_SECONDS + 5
    assert post(tracker.host, "/v1/track", EVENT)[0] == 200


def test_a_client_that_goes_away_in_its_body_leaves_nothing(tracker: TrackerServer) -> None:
    for number in range(20):
        client = slow(tracker, number)
        client.sendall(b"1\r\n{\r\n" if number % 2 else b"{")
        client.close()
    assert post(tracker.host, "/v1/track", EVENT)[0] == 200
    assert len(tracker.events()) == 1
    assert b"Traceback" not in (tracker.folder / "tracker.log").read_bytes()
