"""The middlewares in real applications (Flask, an ASGI server, Express): agents are told, people are not."""

import asyncio
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from dangol.cli import main
from ingest.enrich.enrich import facts
from tests.support.machine import ROOT, free_port
from tests.support.node_modules import NODE, NPM, SCRIPTS
from tests.support.tracker_server import SITE, TrackerServer
from tests.support.wsgi import serving
from tracker.middleware import DangolAgents, DangolAgentsASGI
from tracker.middleware.dangol_agents import AgentRecords, is_agent

PATIENT = 3600.0
"""Seconds that the applications' middlewares wait for Dangol: a request that waited with them would never end."""
TABLES = ROOT / "tests" / "ingest" / "user_agents"
GPTBOT = (
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.1; +https://openai.com/gptbot"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36"
)


def agents_in(table: str) -> list[str]:
    lines = (TABLES / table).read_text().splitlines()
    return [line.split("\t")[-1] for line in lines if not line.startswith("#")]


def ask(address: str, path: str, ua: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request(method, path, headers={"User-Agent": ua})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def flask_shop() -> Flask:
    app = Flask("shop")

    @app.get("/p/<name>")
    def page(name: str) -> str:
        return f"<p>{name}"

    @app.get("/style.css")
    def style() -> Response:
        return Response("p{}", content_type="text/css")

    return app


async def asgi_shop(scope: Any, receive: Any, send: Any) -> None:
    """The same pages by hand."""
    assert scope["type"] == "http"
    found = scope["path"].startswith("/p/")
    kind = b"text/css" if scope["path"].endswith(".css") else b"text/html; charset=utf-8"
    status = 200 if found or kind == b"text/css" else 404
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": b"<p>"})


def asgi_made() -> Any:
    """What granian serves in the test of ASGI."""
    return DangolAgentsASGI(asgi_shop, os.environ["DANGOL_TEST_HOST"], "sk_test", every=0.05, timeout=PATIENT)


@contextmanager
def started(command: list[str], port: int, **env: str) -> Iterator[str]:
    """A server of its own process, once it answers on ``port``."""
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT), **env}, cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def asgi(dangol: str) -> Iterator[str]:
    port = free_port()
    factory = ["--factory", "tests.tracker.test_middleware:asgi_made", "--port", str(port)]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--log-level", "error", *factory]
    with started(command, port, DANGOL_TEST_HOST=dangol) as address:
        yield address


@contextmanager
def express(dangol: str, modules: Path) -> Iterator[str]:
    port = free_port()
    with started(
        [str(NODE), str(SCRIPTS / "express.js"), dangol, str(port)], port, NODE_PATH=str(modules)
    ) as address:
        yield address


@contextmanager
def flask(dangol: str) -> Iterator[str]:
    app = flask_shop()
    app.wsgi_app = DangolAgents(app.wsgi_app, dangol, "sk_test", every=0.05, timeout=PATIENT)  # type: ignore[method-assign]
    with serving(app) as address:
        yield address


@pytest.fixture(params=["flask", "asgi", "express"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "express" and not (NODE and NPM):
        pytest.skip("Express needs Node: apt-get install nodejs npm")
    return str(request.param)


@contextmanager
def shop_of(kind: str, dangol: str, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "express":
        with express(dangol, request.getfixturevalue("modules")) as address:
            yield address
    else:
        with flask(dangol) if kind == "flask" else asgi(dangol) as address:
            yield address


def test_pages_that_agents_asked_for_are_told(
    kind: str, tracker: TrackerServer, request: pytest.FixtureRequest
) -> None:
    with shop_of(kind, tracker.host, request) as shop:
        assert ask(shop, "/p/%EC%8B%A0%EB%B0%9C?a=1", GPTBOT)[0] == 200
        assert ask(shop, "/gone", "ClaudeBot/1.0")[0] == 404
        for path, ua, method in (
            ("/p/1", CHROME, "GET"),
            ("/style.css", GPTBOT, "GET"),
            ("/p/1", GPTBOT, "HEAD"),
            ("/p/1", "", "GET"),
        ):
            ask(shop, path, ua, method)
        assert ask(shop, "/p/last", "curl/8.5.0")[0] == 200
        events = {event.ua: event for event in tracker.wait_for(3)}
    assert set(events) == {GPTBOT, "ClaudeBot/1.0", "curl/8.5.0"}
    assert events[GPTBOT].url == f"{shop}/p/%EC%8B%A0%EB%B0%9C?a=1"
    assert [events[ua].props for ua in (GPTBOT, "ClaudeBot/1.0")] == [{"status": 200}, {"status": 404}]
    for event in events.values():
        found = facts(event, SITE)
        assert (found.bot, event.source, event.fetch, event.type) == (True, "api", True, "page")
    assert facts(events["curl/8.5.0"], SITE).browser == "curl"


@pytest.mark.parametrize("away", ["refused", "silent", "failing"])
def test_the_shop_answers_at_once_while_dangol_is_away(
    kind: str, away: str, request: pytest.FixtureRequest
) -> None:
    """Nobody listens; somebody who never answers; somebody who always fails."""
    with absent(away) as dangol, shop_of(kind, dangol, request) as shop:
        answers = [ask(shop, f"/p/{number}", GPTBOT) for number in range(40)]
    assert {status for status, _ in answers} == {200}


@contextmanager
def absent(how: str) -> Iterator[str]:
    if how == "refused":
        yield f"http://127.0.0.1:{free_port()}"
        return
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        port = server.getsockname()[1]
        if how == "failing":
            threading.Thread(target=_fail, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{port}"


def _fail(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
            connection.close()
        except OSError:
            return


def test_what_waits_is_bounded_and_what_is_dropped_is_counted() -> None:
    with absent("silent") as dangol:
        records = AgentRecords(dangol, "sk_test", timeout=0.2, most=10, every=0.01)
        for number in range(500):
            records.tell(GPTBOT, f"http://shop.example/{number}", 200, "text/html")
        deadline = time.monotonic() + 20
        while records.dropped < 500 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert (records.sent, records.dropped) == (0, 500)


def test_when_dangol_returns_records_arrive_again(tracker: TrackerServer) -> None:
    records = AgentRecords(tracker.host, "sk_test", every=0.01)
    (tracker.folder / "down").touch()  # the log: the tracker answers 503
    records.tell(GPTBOT, "http://shop.example/lost", 200, "text/html")
    deadline = time.monotonic() + 20
    while not records.dropped and time.monotonic() < deadline:
        time.sleep(0.02)
    (tracker.folder / "down").unlink()
    records.tell(GPTBOT, "http://shop.example/kept", 200, "text/html")
    assert [event.url for event in tracker.wait_for(1)] == ["http://shop.example/kept"]
    assert records.dropped == 1


def test_an_application_that_fails_fails_as_before() -> None:
    class Broken(Exception):
        pass

    def wsgi(environ: object, start_response: object) -> Any:
        raise Broken

    async def asgi_app(scope: object, receive: object, send: object) -> None:
        raise Broken

    with pytest.raises(Broken):
        DangolAgents(wsgi, "http://127.0.0.1:1", "k")({"REQUEST_METHOD": "GET"}, lambda *_: None)
    asked: Any = ({"type": "http", "method": "GET", "headers": []}, None, None)
    with pytest.raises(Broken):
        asyncio.run(DangolAgentsASGI(asgi_app, "http://127.0.0.1:1", "k")(*asked))


@given(st.dictionaries(st.text(max_size=20), st.none() | st.text() | st.integers()), st.text(), st.text())
def test_any_environment_passes(environ: dict[str, Any], status: str, header: str) -> None:
    got: list[object] = []

    def app(_: object, start_response: Any) -> list[bytes]:
        start_response(status, [("Content-Type", header)])
        return [b"x"]

    asked = {**environ, "REQUEST_METHOD": "GET", "HTTP_USER_AGENT": CHROME}
    assert DangolAgents(app, "http://127.0.0.1:1", "k")(asked, lambda *given: got.append(given)) == [b"x"]
    assert got == [(status, [("Content-Type", header)])]


def test_agents_are_told_from_people() -> None:
    assert [ua for ua in agents_in("agents.tsv") if not is_agent(ua)] == []
    told = [ua for ua in agents_in("devices.tsv") if is_agent(ua)]
    assert all("CUBOT" in ua or ua.startswith("Roku/") for ua in told), told  # Dangol looks more closely


@pytest.mark.skipif(not NODE, reason="needs Node")
def test_node_and_python_agree_on_who_is_an_agent() -> None:
    script = (
        "const {isAgent} = require(process.argv[1]); const lines = require('fs').readFileSync(0, 'utf8').split('\\n');"
        "console.log(JSON.stringify(lines.map(isAgent)))"
    )
    uas = [*agents_in("agents.tsv"), *agents_in("devices.tsv"), "", "x", "Opera/9.8"]
    file = str(ROOT / "tracker" / "middleware" / "dangol-agents.cjs")
    done = subprocess.run(
        [str(NODE), "-e", script, file], input="\n".join(uas), capture_output=True, text=True
    )
    assert done.stdout.strip() == str([is_agent(ua) for ua in uas]).replace(" ", "").lower(), done.stderr


@pytest.mark.parametrize("language", ["python", "express"])
def test_the_file_to_copy_is_the_one_that_is_tested(language: str) -> None:
    name = {"python": "dangol_agents.py", "express": "dangol-agents.cjs"}[language]
    printed = CliRunner().invoke(main, ["sites", "middleware", language])
    assert printed.output == (ROOT / "tracker" / "middleware" / name).read_text()
