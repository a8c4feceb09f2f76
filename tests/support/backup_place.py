"""An installation that is not running, to copy and to restore by commands."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.machine import ROOT

FILL = """
import time
from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.secrets import signing_key
from dangol.settings import load
from tests.support.whole_log import count_whole_log
from tracker.event import Event, encode
from tracker.log.port import Record

settings = load()
with embedded_redis(settings):
    signing_key(settings)
    log = compose.log(settings)
    now = int(time.time() * 1000)
    events = [Event(site="default", id=f"e{n}", type="page", ts=now - 1000 + n, received=now, source="api",
                    visitor=f"v{n % 7}", url=f"https://shop.example/{n}") for n in range(500)]
    log.append([Record(event.key, encode(event)) for event in events[:400]])
    count_whole_log(settings, log)
    log.append([Record(event.key, encode(event)) for event in events[400:]])  # wait in the log
    log.close()
"""
COUNTED = "lag 100\nrows 500 500\nevents 500\n"
"""What COUNT prints of what FILL made."""
MORE = FILL.replace("range(500)", "range(500, 600)")
"""A hundred events more, all of them counted."""
COUNT = """
from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.settings import load
from tests.support.whole_log import count_whole_log
from warehouse.question.scope import Scope

settings = load()
with embedded_redis(settings):
    log = compose.log(settings)
    print("lag", log.lag(compose.INGEST_GROUP))
    count_whole_log(settings, log)
    rows = compose.warehouse(settings).rows("select id from events", Scope("default", bots=True))
    print("rows", len(rows), len({row["id"] for row in rows}))
    print("events", sum(profile.counts.events for profile in compose.profiles(settings).scan("default")))
    log.close()
"""


class Place:
    """An installation that is not running, driven by commands as a user would."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data, self.dest = folder / "data", folder / "backups"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DANGOL_")},
            "DANGOL_DATA": str(self.data),
            "DANGOL_CONFIG": str(folder / "none.toml"),
            "PYTHONPATH": str(ROOT),
            **{f"DANGOL_{name.upper()}": value for name, value in settings.items()},
        }
        self.folder = folder

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *command],
            env=self.environ,
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *command: str) -> tuple[int, str]:
        with self.start(*command) as process:
            said = process.communicate(timeout=120)[0]
        return process.returncode, said

    def dangol(self, *command: str) -> tuple[int, str]:
        return self.run("-m", "dangol", *command)

    def kill(self, after: float, *command: str) -> int:
        """Start a command and kill it -9 after so many seconds, with whatever it started; its exit code."""
        with self.start("-m", "dangol", *command) as process:
            try:
                return process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                return process.wait()
