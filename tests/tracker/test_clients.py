"""The official clients, unchanged, against a running tracker."""

import http.client
import socket
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import segment.analytics
from segment.analytics.client import Client

from tests.support.tracker_server import TrackerServer, post
from tracker.admission.proof import proof_of

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # the client leaves its sockets to the collector


@pytest.mark.parametrize("gzip", [False, True])
def test_segment_analytics_python(tracker: TrackerServer, gzip: bool) -> None:
    errors: list[Exception] = []
    client = Client("wk_test", host=tracker.host, gzip=gzip, on_error=lambda error, _: errors.append(error))
    client.identify("u1", {"email": "a@example.com"})
    client.track(
        "u1", "Order Completed", {"order_id": "o1", "revenue": 99.5, "products": [{"product_id": "p"}]}
    )
    client.page("u1", "Docs", "Python", {"url": "https://shop.example/docs"})
    client.screen("u1", name="Welcome")
    client.alias("anon-1", "u1")
    client.group("u1", "g1", {"plan": "gold"})
    client.track(
        anonymous_id="a1", event="Product Viewed", context={"userAgent": "Mozilla/5.0", "ip": "203.0.113.9"}
    )
    client.flush()
    client.join()
    assert errors == []
    events = {event.type + event.name: event for event in tracker.events()}
    assert list(events) == [
        "identify",
        "trackOrder Completed",
        "pagePython",
        "screenWelcome",
        "alias",
        "group",
        "trackProduct Viewed",
    ]
    order, page = events["trackOrder Completed"], events["pagePython"]
    assert (order.user, order.visitor, order.ua) == ("u1", None, "")
    assert order.props == {"order_id": "o1", "revenue": 99.5, "products": [{"product_id": "p"}]}
    assert abs(order.ts - time.time() * 1000) < 60_000
    assert (page.url, page.props) == ("https://shop.example/docs", {"category": "Docs"})
    assert events["identify"].traits == {"email": "a@example.com"}
    assert (events["alias"].visitor, events["alias"].user) == ("anon-1", "u1")
    viewed = events["trackProduct Viewed"]
    assert (viewed.visitor, viewed.ip, viewed.ua) == ("a1", "203.0.113.0", "Mozilla/5.0")
    assert viewed.context["library"]["name"] == "analytics-python"


def test_segment_analytics_python_proves_a_customer_by_key_or_by_proof(tracker: TrackerServer) -> None:
    for key, context in (("wk_test", {}), ("wk_test", {"proof": proof_of("sk_test", "u1")}), ("sk_test", {})):
        client = Client(key, host=tracker.host)
        client.identify("u1", {"plan": "gold"}, context=context, anonymous_id="a1")
        client.flush()
        client.join()
    assert [(event.user, event.proven) for event in tracker.wait_for(3)] == [
        ("u1", False),
        ("u1", True),
        ("u1", True),
    ]


def test_segment_analytics_python_hears_of_a_wrong_key(tracker: TrackerServer) -> None:
    errors: list[Exception] = []
    client = Client("wrong", host=tracker.host, on_error=lambda error, _: errors.append(error), max_retries=0)
    client.track("u1", "X")
    client.flush()
    client.join()
    assert len(errors) == 1
    assert "401" in str(errors[0])
    assert tracker.events() == []


@pytest.mark.slow
def test_segment_analytics_python_retries_until_the_log_is_back(tracker: TrackerServer) -> None:
    down = tracker.folder / "down"
    down.touch()
    client = Client("wk_test", host=tracker.host, max_retries=10)
    client.track("u1", "Kept", message_id="same")
    time.sleep(1.5)
    down.unlink()
    client.flush()
    client.join()
    assert [event.id for event in tracker.events()] == ["same"]


def test_the_module_level_client(tracker: TrackerServer) -> None:
    segment.analytics.write_key, segment.analytics.host = "wk_test", tracker.host
    segment.analytics.sync_mode = True
    segment.analytics.track("u9", "Sync")
    assert [event.name for event in tracker.events()] == ["Sync"]


def test_many_clients_at_once_lose_nothing(tracker: TrackerServer) -> None:
    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", tracker.port)
        for n in range(40):
            body = (
                f'{{"writeKey":"wk_test","anonymousId":"a{number}","event":"E","messageId":"{number}-{n}"}}'
            )
            connection.request("POST", "/v1/track", body)
            assert connection.getresponse().read() == b'{"success": true}'
        connection.close()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(16)))
    events = tracker.events()
    assert len({event.id for event in events}) == len(events) == 640
    for number in range(16):
        assert [event.id for event in events if event.visitor == f"a{number}"] == [
            f"{number}-{n}" for n in range(40)
        ]


HOSTILE = [
    b"GET /v1/batch HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{[}",
    b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n{}",
    b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    b"GET /t.gif?k=%00%ff&v=%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: x\r\nCookie: dangol_v=\x80\xff\r\n\r\n",
    b"GET /t.gif?" + b"a&" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/projects/%2e%2e/settings HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS /v1/b HTTP/1.1\r\nHost: x\r\nOrigin: \xff<script>\r\n\r\n",
    b"TRACE /t.gif HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /i?e=ue&ue_px=%ff%fe&cx=!!!&duid=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /i?e=pv HTTP/1.1\r\nHost: x\r\nCookie: sp=\xff\r\n\r\n",
    b'POST /com.snowplowanalytics.snowplow/tp2 HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{"data":[[]]}',
    b"GET /matomo.php?idsite=1&rec=1&cdt=9e99&cip=%00&_cvar=%7b HTTP/1.1\r\nHost: x\r\n\r\n",
    b'POST /piwik.php HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{"requests":[[]]}',
    b"POST /piwik.php?idsite=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\xff\x00=&",
    b"GET /v1/batch/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/t HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
    + b"=" * 9000
    + b"\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/t HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: "
    + b"1," * 9000
    + b"\r\nContent-Length: 2\r\n\r\n{}",
    b"\x16\x03\x01\x02\x00\x01",
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_get_a_4xx_and_no_crash(tracker: TrackerServer, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", tracker.port), timeout=5) as connection:
        connection.sendall(raw)
        answer = connection.recv(4096)
    assert not answer or answer.split(b" ")[1][:1] in b"24", answer
    assert b"Set-Cookie:x" not in answer
    assert post(tracker.host, "/v1/t", {"writeKey": "wk_test", "userId": "u", "event": "E"})[0] == 200


def test_hostile_requests_do_not_make_it_grow(tracker: TrackerServer) -> None:
    """The worker's memory levels off: what is refused leaves nothing behind."""
    assert tracker.process
    psutil = pytest.importorskip("psutil")
    worker = psutil.Process(tracker.process.pid).children()[0]

    def rounds(count: int) -> int:
        for _ in range(count):
            for raw in HOSTILE:
                with socket.create_connection(("127.0.0.1", tracker.port), timeout=20) as connection:
                    connection.sendall(raw)
                    connection.recv(4096)
        return int(worker.memory_info().rss)

    warm = rounds(10)
    assert rounds(40) - warm < 8 * 2**20
    assert post(tracker.host, "/v1/t", {"writeKey": "wk_test", "userId": "u", "event": "E"})[0] == 200


def test_a_megabyte_of_id_is_refused(tracker: TrackerServer) -> None:
    status, body, _ = post(
        tracker.host, "/v1/track", {"writeKey": "wk_test", "userId": "u" * 1_000_000, "event": "E"}
    )
    assert (status, body["error"]["code"]) == (400, "too_large")


def test_a_pixel_over_http(tracker: TrackerServer, tmp_path: Path) -> None:
    with urllib.request.urlopen(f"{tracker.host}/t.gif?k=wk_test&e=Opened&p.mail=m1") as answer:
        assert answer.headers["Content-Type"] == "image/gif"
        assert len(answer.read()) == 43
    assert [(event.name, event.props) for event in tracker.events()] == [("Opened", {"mail": "m1"})]


def test_headers_that_are_not_ascii_cost_the_header_and_not_the_event(tracker: TrackerServer) -> None:
    """The HTTP server hands such a header on as if it were absent."""
    korean = "단골".encode()
    for header in (b"User-Agent: Mozilla/5.0 ", b"Referer: https://shop.example/", b"Cookie: x="):
        raw = (
            b"GET /t.gif?k=wk_test&e=E HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + header
            + korean
            + b"\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", tracker.port), timeout=20) as connection:
            connection.sendall(raw)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert [event.name for event in tracker.events()] == ["E"] * 3
    assert {(event.ua, event.url) for event in tracker.events()} == {("", "")}
