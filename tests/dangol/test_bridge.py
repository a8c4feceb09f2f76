"""WSGI applications behind the bridge: what they see, and that they cannot be overrun."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.validate import validator

import pytest

from dangol.serving import bridge
from dangol.serving.bridge import Bridge, Wsgi
from tests.support.tracker_app import Sent
from tracker.http.responses import Response


class Asked:
    """A request as the server describes it."""

    http_version = "1.1"
    client, scheme, query_string = "[2001:db8::7]:4711", "http", "a=%20b"

    def __init__(self, method: str, path: str, headers: list[tuple[str, str]]) -> None:
        self.method, self.path, self.headers = method, path, self
        self._items = headers

    def items(self) -> list[tuple[str, str]]:
        return self._items


class Exchange(Sent):
    answer: Response

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = Response(status, headers, body)


def call(
    served: Bridge, method: str = "GET", path: str = "/", body: bytes = b"", *headers: tuple[str, str]
) -> Response:
    exchange = Exchange(body)
    sent = [("host", "t.example:8000"), *headers, *([("content-length", str(len(body)))] if body else [])]
    asyncio.run(served(Asked(method, path, sent), exchange))
    return exchange.answer


@pytest.fixture
def serve() -> Iterable[Callable[..., Bridge]]:
    made: list[Bridge] = []

    def serve(application: Wsgi, threads: int = 2) -> Bridge:
        made.append(Bridge(application, threads))
        return made[-1]

    yield serve
    for each in made:
        each.close()


def test_an_application_sees_a_whole_wsgi_request(serve: Callable[..., Bridge]) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
        start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "x=1")])
        return [b"a", b"b"]

    headers = [("cookie", "a=1"), ("cookie", "b=2"), ("x-forwarded-for", "1.2.3.4")]
    headers += [("x_forwarded_for", "6.6.6.6"), ("accept", "a/b"), ("accept", "c/d"), ("content-type", "t/x")]
    answer = call(serve(validator(application)), "POST", "/한/b", b"body", *headers)
    assert answer == (201, [("Content-Type", "text/plain"), ("Set-Cookie", "x=1")], b"ab")
    expected = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/한/b".encode().decode("latin-1"),
        "QUERY_STRING": "a=%20b",
        "REMOTE_ADDR": "2001:db8::7",
        "SERVER_NAME": "t.example",
        "SERVER_PORT": "8000",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_FORWARDED_FOR": "1.2.3.4",
        "HTTP_ACCEPT": "a/b, c/d",
        "CONTENT_TYPE": "t/x",
        "body": b"body",
    }
    assert {name: seen[name] for name in expected} == expected


def test_a_body_is_bounded(serve: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "BODY_LIMIT", 10)
    served = serve(lambda environ, start: [start("200 OK", []) and b"", environ["wsgi.input"].read()])
    chunked = ("transfer-encoding", "chunked")
    assert call(served, "POST", "/", b"x" * 11).status == 413
    assert call(served, "POST", "/", b"x" * 10) == (200, [], b"x" * 10)
    for size, status in ((11, 413), (10, 200)):
        exchange = Exchange(b"x" * size)
        asyncio.run(served(Asked("POST", "/", [chunked]), exchange))
        assert exchange.answer.status == status


def test_a_fault_is_a_500_and_too_many_at_once_a_503(
    serve: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "WAITING_PER_THREAD", 1)
    assert call(serve(lambda *_: 1 / 0)).status == 500  # type: ignore[arg-type, return-value]
    free = threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        free.wait(5)
        start_response("200 OK", [])
        return []

    served = serve(application, threads=1)

    async def three() -> list[int]:
        exchanges = [Exchange(b"") for _ in range(3)]
        asked = [asyncio.create_task(served(Asked("GET", "/", []), exchange)) for exchange in exchanges]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        free.set()
        await asyncio.gather(*asked)
        return sorted(exchange.answer.status for exchange in exchanges)

    assert asyncio.run(three()) == [200, 200, 503]
