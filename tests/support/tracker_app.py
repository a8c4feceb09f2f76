"""The tracker's application in this process, over a log in a list."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support import described
from tracker.app import Tracker
from tracker.event import REFUSED, Event, RefusedEvent, decode
from tracker.log.port import LogUnavailable, Record
from tracker.sites import Site, Sites


class ListLog:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.letters: list[RefusedEvent] = []
        self.down = False

    def append(self, records: Sequence[Record]) -> None:
        if self.down:
            raise LogUnavailable("down", retry_after=2.4)
        for record in records:
            if record.value.startswith(REFUSED):
                self.letters.append(msgspec.json.decode(record.value, type=RefusedEvent))
            else:
                self.events.append(decode(record.value))

    def ping(self) -> None: ...

    def close(self) -> None: ...

    def consumer(self, group: str, member: str) -> Any: ...

    def durability(self) -> str | None: ...

    def lag(self, group: str) -> int:
        return 0


class Client:
    """Calls the application as a server would."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker

    def __call__(
        self, method: str, path: str, body: bytes = b"", query: str = "", **environ: str
    ) -> "Answer":
        full = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "203.0.113.77",
            "HTTP_HOST": "t.example",
            "wsgi.url_scheme": "http",
            **({"CONTENT_LENGTH": str(len(body))} if body else {}),
            **environ,
        }
        answer = Answer(*asyncio.run(self.tracker.respond(full, Sent(body))))
        if method not in ("HEAD", "OPTIONS"):
            described.check(method, path, query, body, answer.status, dict(answer.headers), answer.body)
        return answer


class Sent:
    """A body as a server hands it over: whole, or chunk by chunk."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __call__(self) -> asyncio.Future[bytes]:
        whole = asyncio.get_running_loop().create_future()
        whole.set_result(self.body)
        return whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 10_000):
            yield self.body[start : start + 10_000]


class Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers if name != "Vary"}
        assert len(self.headers) == len([name for name, _ in headers if name != "Vary"]), "a header twice"

    @property
    def error(self) -> dict[str, Any]:
        error = json.loads(self.body)["error"]
        assert set(error) == {"code", "message", "field"}
        return error


@pytest.fixture
def log() -> ListLog:
    return ListLog()


@pytest.fixture
def sites(tmp_path: Path, site: Site) -> Sites:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    return sites
