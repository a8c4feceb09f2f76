"""A real tracker behind granian in a process of its own, writing to a log that a test can read, stop and stall."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from dangol.serving.front import Front, Rest
from tests.support.machine import ROOT, free_port
from tracker.app import Tracker
from tracker.event import REFUSED, Event, decode
from tracker.log.port import LogUnavailable, Record
from tracker.sites import Site, Sites

SITE = Site(id="default", write_key="wk_test", secret_key="sk_test")


class FileLog:
    """Appends one JSON line per event, fsynced. A file named ``down`` beside it makes it refuse, ``stall`` hang."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = (folder / "events.jsonl").open("ab")

    def append(self, records: Sequence[Record]) -> None:
        while (self.folder / "stall").exists():
            time.sleep(0.01)
        self.ping()
        self._file.write(b"".join(record.value + b"\n" for record in records))
        self._file.flush()
        os.fsync(self._file.fileno())

    def ping(self) -> None:
        if (self.folder / "down").exists():
            raise LogUnavailable("down", retry_after=3.0)

    def consumer(self, group: str, member: str) -> Any:
        raise NotImplementedError

    def lag(self, group: str) -> int:
        return 0

    def durability(self) -> str | None:
        return None

    def close(self) -> None:
        self._file.close()


def events_in(folder: Path) -> list[Event]:
    path = folder / "events.jsonl"
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return [
        decode(line) for line in lines[:-1] if not line.startswith(REFUSED)
    ]  # behind the last newline: half a line at most


def write_whole(path: Path, content: bytes) -> None:
    """Readers of ``path`` see what was there before or all of ``content``: several threads may write at once."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def make_app() -> Any:
    """The application of the child: the tracker, and a stub of the personalization that the web stage owns."""
    folder = Path(os.environ["TRACKER_TEST_FOLDER"])
    options = msgspec.json.decode(os.environ.get("TRACKER_TEST_OPTIONS", "{}"))
    if "spool" in options:
        options["spool"] = Path(options["spool"])
    if url := os.environ.get("TRACKER_TEST_LOG"):
        from tracker.log.open import open_log

        log: Any = open_log(url)
    else:
        log = FileLog(folder)
    tracker = Tracker(Sites(folder / "sites.json"), log, **options)

    return Front(tracker, lambda: Rest(partial(personalize, folder)), 4)


def make_constant() -> Any:
    """The floor of bench.collect: reads the body, answers a constant."""

    async def app(scope: Any, exchange: Any) -> None:
        await exchange()
        exchange.response_bytes(200, [("Content-Type", "application/json")], b'{"success": true}')

    return app


def personalize(folder: Path, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
    """Notes what was asked in asked.json and answers with answer.json; or passes it on to the address in web.url."""
    asked = environ["wsgi.input"].read()
    write_whole(folder / "asked.json", asked)
    if (folder / "web.url").exists():
        url = (folder / "web.url").read_text() + "/v1/personalize"
        with urllib.request.urlopen(urllib.request.Request(url, asked), timeout=20) as response:
            passed = response.read()
        start_response("200 OK", [("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "*")])
        return [passed]
    answer = folder / "answer.json"
    start_response("200 OK", [("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "*")])
    return [answer.read_bytes() if answer.exists() else b'{"slots": {}}']


class TrackerServer:
    """Starts, stops and kills the child."""

    def __init__(
        self,
        folder: Path,
        site: Site = SITE,
        log: str = "",
        factory: str = "tests.support.tracker_server:make_app",
        **options: Any,
    ) -> None:
        self.folder, self.port, self.factory = folder, free_port(), factory
        self.host = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        Sites(folder / "sites.json").save(site)
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TRACKER_TEST_FOLDER": str(folder),
            "TRACKER_TEST_LOG": log,
            "TRACKER_TEST_OPTIONS": msgspec.json.encode(options).decode(),
        }

    def start(self) -> "TrackerServer":
        command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--no-ws", "--log-level", "error"]
        command += ["--port", str(self.port), "--backpressure", "2048", "--factory", self.factory]
        with (self.folder / "tracker.log").open("ab") as log:
            # A group of its own: granian's worker must die with the test that kills it.
            self.process = subprocess.Popen(
                command, env=self.env, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.host}/dangol.js", timeout=1).close()
                return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise RuntimeError(f"the tracker did not start: {(self.folder / 'tracker.log').read_text()}")

    def __enter__(self) -> "TrackerServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self, signum: int = signal.SIGKILL) -> None:
        if self.process:
            if signum == signal.SIGTERM:  # granian's main process stops its worker
                self.process.terminate()
            else:
                os.killpg(self.process.pid, signum)
            self.process.wait(20)
            self.process = None

    def reset(self) -> "TrackerServer":
        """Forget the events and what the last test asked for."""
        os.truncate(self.folder / "events.jsonl", 0)
        for name in ("asked.json", "answer.json", "web.url", "down", "stall"):
            (self.folder / name).unlink(missing_ok=True)
        return self

    def events(self) -> list[Event]:
        return events_in(self.folder)

    def asked(self) -> Any:
        """What the last call of personalize asked for, ``{}`` before the first one."""
        path = self.folder / "asked.json"
        return msgspec.json.decode(path.read_bytes()) if path.exists() else {}

    def unique(self) -> list[Event]:
        """The events as a consumer counts them: the first of each id."""
        return list({event.id: event for event in reversed(self.events())}.values())[::-1]

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Event]:
        """The unique events once there are ``count`` of them, or whatever there is after ``seconds``."""
        deadline = time.monotonic() + seconds
        while len(events := self.unique()) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return events


def post(host: str, path: str, body: Any, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
    """Status, decoded JSON and headers of one POST."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    request = urllib.request.Request(host + path, raw, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, msgspec.json.decode(response.read()), response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, msgspec.json.decode(error.read()), error.headers
