"""Fixtures that several test files share: real servers on loopback, a settable clock, the data folder."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from tests.support.machine import ROOT, Clock, RedisServer
from tests.support.redis_cluster import RedisCluster
from tracker.sites import Site

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

pytest_plugins = ["tests.support.browser", "tests.support.kafka_broker", "tests.support.log_backends"]


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


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A real Redis Cluster for the tests of a file. Nothing empties it between them."""
    nodes = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield nodes
    nodes.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site() -> Site:
    return Site(id="default", name="default", write_key="wk_test", secret_key="sk_test")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("DANGOL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets are absent: set DANGOL_TEST_DATA (looked in {folder})")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--apache-kafka",
        action="store_true",
        help="run the Kafka tests on Apache Kafka (through Maven; needs a JDK) instead of Tansu",
    )
