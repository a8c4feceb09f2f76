"""A whole Dangol, started with ``dangol up`` the way a user starts it, for the end-to-end tests."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import described
from tests.support.machine import ROOT, free_port

WRITE, SECRET, PASSWORD = "wk_e2e", "sk_e2e", "a password for e2e"


class Installation:
    """``dangol up`` in a folder of its own on a free port; use as a context manager. ``program`` is the command that is
    started, in the folder ``cwd``."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        program: Sequence[str] = (sys.executable, "-m", "dangol"),
        cwd: Path = ROOT,
        **settings: str,
    ) -> None:
        self.program, self.cwd = program, cwd
        self.port = int(settings.pop("port", 0)) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder, self.options = folder, options
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DANGOL_")},
            "DANGOL_DATA": str(folder / "data"),
            "DANGOL_PORT": str(self.port),
            "DANGOL_WRITE_KEY": WRITE,
            "DANGOL_SECRET_KEY": SECRET,
            "DANGOL_ADMIN_PASSWORD": PASSWORD,
            "DANGOL_PERSONALIZE_BUDGET_MS": "3000",  # these tests run on busy machines; the budget has its own
            **{f"DANGOL_{name.upper()}": value for name, value in settings.items()},
        }
        self.said = ""
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Installation":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 120.0) -> None:
        self.process = subprocess.Popen(
            [*self.program, "up", *self.options],
            env=self.environ,
            cwd=self.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + timeout
        while "Dangol is ready." not in self.said:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"dangol up did not start:\n{self.said}")
            time.sleep(0.1)

    def _read(self) -> None:
        assert self.process and self.process.stdout
        for line in self.process.stdout:
            self.said += line

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signum)
        code = self.process.wait(60)
        self._reader.join(10)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def run(self, *arguments: str) -> str:
        """The output of another ``dangol`` command with the same settings."""
        done = subprocess.run(
            [*self.program, *arguments],
            env=self.environ,
            cwd=self.cwd,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(
        self, method: str, path: str, body: object = None, key: str = SECRET, headers: Mapping[str, str] = {}
    ) -> tuple[int, Any]:
        """Status and decoded body of one request, which is held to the API's description."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method, headers=dict(headers))
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, raw, told, url = answer.status, answer.read(), answer.headers, answer.url
        except urllib.error.HTTPError as error:
            status, raw, told, url = error.code, error.read(), error.headers, error.url
        if url == request.full_url:  # else it was led elsewhere
            parts = urllib.parse.urlsplit(url)
            described.check(method, parts.path, parts.query, data or b"", status, told, raw)
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw

    def report(self, name: str, **parameters: Any) -> Any:
        query = urllib.parse.urlencode(parameters, doseq=True)
        status, body = self.call("GET", f"/v1/reports/{name}?{query}")
        assert status == 200, body
        return body


def eventually(check, seconds: float = 60.0) -> Any:
    """The first true answer of ``check``; fails with its last one."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"never became true; last answer {answer!r}"
        time.sleep(0.1)
    return answer


def leftovers(folder: Path) -> list[str]:
    """Command lines of living processes that work in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if state != "Z" and (str(folder).encode() in environ or str(folder).encode() in words):
            found.append(words.replace(b"\0", b" ").decode())
    return found
