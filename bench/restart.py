"""Server processes killed under ``dangol up``: how long nobody is answered, and whether anybody is refused.

Each round kills the server's worker, the server that keeps it, or both. From then on clients come, each on a new
connection; the gap ends with the first whole answer. The floor is the same server with an application that answers a
constant: from its start to its first answer.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.results import record

ROUNDS = 3
REST = 12.0
"""Seconds between two rounds: longer than the supervisor takes to call a child steady."""
KINDS = {"worker": "worker", "server": "server that keeps the worker", "both": "both"}


def main() -> None:
    from tests.support.installation import WRITE, Installation
    from tests.support.machine import free_port

    track = f'{{"writeKey": "{WRITE}", "anonymousId": "v1", "event": "Product Viewed"}}'
    with tempfile.TemporaryDirectory() as folder:
        floor = [start(free_port(), Path(folder)) for _ in range(ROUNDS)]
        rows = [("a bare server's start (floor)", ms(floor), "", "")]
        load = os.getloadavg()[0]
        with Installation(Path(folder)) as running:
            for which, name in KINDS.items():
                collection, desk, refused = [], [], 0
                for _ in range(ROUNDS):
                    time.sleep(REST)
                    kill(running.port, which)
                    one, other = (
                        Gap(running.port, "POST", "/v1/track", track),
                        Gap(running.port, "GET", "/desk/login"),
                    )
                    collection.append(one.seconds())
                    desk.append(other.seconds())
                    refused += one.refused + other.refused
                ratio = statistics.median(collection) / statistics.median(floor)
                rows.append((f"killed: {name}", ms(collection), ms(desk), refused))
    record(
        "Server processes killed",
        "python -m bench.restart",
        ("what", "collection answers after", "desk answers after", "connections refused"),
        rows,
        f"Median and most of {ROUNDS} rounds; asked < 1 s on an idle machine. Both killed: collection is back in "
        f"{ratio:.1f} × the floor's time. Load before the run: {load:.1f}.",
    )


class Gap:
    """Clients that come one after another from now on, until the first is answered."""

    def __init__(self, port: int, method: str, path: str, body: str | None = None) -> None:
        self.refused, self._took = 0, 0.0
        self._began = time.perf_counter()
        self._thread = threading.Thread(target=self._come, args=(port, method, path, body))
        self._thread.start()

    def seconds(self) -> float:
        self._thread.join()
        return self._took

    def _come(self, port: int, method: str, path: str, body: str | None) -> None:
        while True:
            try:
                ask(port, method, path, body)
                break
            except ConnectionRefusedError:
                self.refused += 1
                time.sleep(0.005)
            except (OSError, HTTPException):  # it was connected to the one that died
                time.sleep(0.005)
        self._took = time.perf_counter() - self._began


def ask(port: int, method: str, path: str, body: str | None = None) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    assert answer.status == 200, answer.status


def kill(port: int, which: str) -> None:
    """Kill the worker, or the server and, as it must, the worker that ends with it before its place is taken."""
    from tests.support.processes import victims

    for pid in victims(port, which):
        os.kill(pid, signal.SIGKILL)


def start(port: int, folder: Path) -> float:
    """Seconds until a server with a constant answer has started."""
    from tests.support.machine import ROOT

    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--no-ws", "--log-level", "error"]
    command += ["--port", str(port), "--factory", "tests.support.tracker_server:make_constant"]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}"}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environ, cwd=folder)
    try:
        return until_answered(lambda: ask(port, "POST", "/", "{}"), began)
    finally:
        process.terminate()
        process.wait()


def until_answered(asked: Callable[[], None], began: float) -> float:
    while True:
        try:
            asked()
            return time.perf_counter() - began
        except (OSError, HTTPException):
            time.sleep(0.005)


def ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms, {max(seconds) * 1000:.0f} ms"


if __name__ == "__main__":
    main()
