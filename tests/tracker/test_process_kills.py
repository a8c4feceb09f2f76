"""With load running, things are killed. What got a 200 is in the log afterwards, every time."""

import http.client
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client_threads import ClientThreads
from tests.support.kafka_broker import KafkaBroker
from tests.support.log_reading import wait_until
from tests.support.machine import RedisServer
from tests.support.tracker_server import TrackerServer
from tracker.event import decode
from tracker.log.open import open_log

CLIENTS = 8


class Load(ClientThreads):
    """Clients that post one event after another and remember which ids were acknowledged, and how long it took."""

    patience = 30.0

    def __init__(self, tracker: TrackerServer) -> None:
        self.tracker = tracker
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self.failed = 0
        self.slowest = 0.0
        super().__init__(range(CLIENTS))

    def client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.tracker.port, timeout=15)
        n = 0
        while not self.stopped.is_set():
            n += 1
            body = (
                f'{{"writeKey":"wk_test","anonymousId":"v{number}","event":"E","messageId":"{number}-{n}"}}'
            )
            try:
                start = time.perf_counter()
                connection.request("POST", "/v1/track", body, {"Origin": "https://shop.example"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self.failed += 1
                connection.close()
                time.sleep(0.02)
                continue
            self.slowest = max(self.slowest, time.perf_counter() - start)
            if answer.status == 200:
                self.acknowledged.append(f"{number}-{n}")
            else:
                self.refused.append(answer.status)
                time.sleep(0.01)
        connection.close()

    def reaches(self, count: int, seconds: float = 20.0) -> None:
        """Wait until ``count`` more events have been acknowledged."""
        target = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= target, seconds)


class Ids:
    """The ids that a consumer group finds in a log, in order."""

    def __init__(self, url: str) -> None:
        self._log = open_log(url)
        self._consumer = self._log.consumer("test", "m")
        self.found: list[str] = []

    def has(self, wanted: list[str]) -> bool:
        for message in self._consumer.poll(5_000, 0.2):
            self.found.append(decode(message.value).id)
        return set(wanted) <= set(self.found)

    def close(self) -> None:
        self._consumer.close()
        self._log.close()


@contextmanager
def running(folder: Path, log: str = "", **options: object) -> Iterator[TrackerServer]:
    folder.mkdir(exist_ok=True)
    with TrackerServer(folder, log=log, spool=str(folder / "spool"), **options) as server:
        yield server


def all_there(ids: Ids, load: Load, seconds: float = 30.0) -> None:
    """To be asked once the load has ended: what was acknowledged a moment ago need not have been read yet."""
    try:
        wait_until(lambda: ids.has(load.acknowledged), seconds)
    finally:
        missing = set(load.acknowledged) - set(ids.found)
        assert not missing, f"{len(missing)} of {len(load.acknowledged)} acknowledged events are missing"
        ids.close()


@pytest.mark.redis
def test_killing_redis_and_then_the_tracker_while_it_spools(own_redis: RedisServer, tmp_path: Path) -> None:
    url = own_redis.url + "?stream=events"
    with running(tmp_path / "t", url) as tracker:
        with Load(tracker) as load:
            load.reaches(200)
            own_redis.kill(signal.SIGKILL)
            load.reaches(200)
            tracker.kill(signal.SIGKILL)  # with events on disk
            tracker.start()
            load.reaches(100)
            own_redis.start()
            load.reaches(200)
        assert load.refused == []
        all_there(Ids(url), load, 60)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.soak)])
@pytest.mark.redis
def test_redis_that_hangs(own_redis: RedisServer, tmp_path: Path, seconds: int) -> None:
    hang(own_redis, own_redis.url + "?stream=events", tmp_path / "t", seconds)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.soak)])
@pytest.mark.kafka
def test_a_kafka_broker_that_hangs(own_kafka: KafkaBroker, tmp_path: Path, seconds: int) -> None:
    hang(own_kafka, own_kafka.url + "/events", tmp_path / "t", seconds)


def hang(log: RedisServer | KafkaBroker, url: str, folder: Path, seconds: int) -> None:
    """Stop the log's process under load for so long, then let it go on."""
    with running(folder, url) as tracker:
        with Load(tracker) as load:
            load.reaches(200)
            assert log.process
            log.process.send_signal(signal.SIGSTOP)
            try:
                load.reaches(500)
                time.sleep(seconds)
            finally:
                log.process.send_signal(signal.SIGCONT)
            load.reaches(200, 60)
        assert load.refused == []
        assert load.slowest < 2.0, "a browser waited for a log that hangs"
        all_there(Ids(url), load, 60 + 3 * seconds)


def test_a_full_spool(tmp_path: Path) -> None:
    with running(tmp_path / "t", spool_bytes=60_000) as tracker:
        with Load(tracker) as load:
            load.reaches(50)
            (tracker.folder / "down").touch()
            wait_until(lambda: len(load.refused) > 20, 20)
            assert set(load.refused) == {503}
            (tracker.folder / "down").unlink()
            load.reaches(100)
        wanted = set(load.acknowledged)
        wait_until(lambda: wanted <= {event.id for event in tracker.events()}, 20)


def test_stopping_orderly_under_load_answers_what_it_took(tmp_path: Path) -> None:
    with running(tmp_path / "t") as tracker:
        with Load(tracker) as load:
            load.reaches(200)
            tracker.kill(signal.SIGTERM)
        stored = {event.id for event in tracker.events()}
        assert set(load.acknowledged) <= stored
        # Durable but not answered: only what was under way when the connections closed, one a client at most.
        assert len(stored - set(load.acknowledged)) <= CLIENTS


def test_events_of_one_visitor_keep_their_order_through_an_outage(tmp_path: Path) -> None:
    with running(tmp_path / "t") as tracker:
        with Load(tracker) as load:
            load.reaches(100)
            (tracker.folder / "down").touch()
            load.reaches(100)
            (tracker.folder / "down").unlink()
            load.reaches(300)
        wanted = set(load.acknowledged)
        wait_until(lambda: wanted <= {event.id for event in tracker.events()}, 20)
        for number in range(CLIENTS):
            order = [
                int(event.id.partition("-")[2]) for event in tracker.unique() if event.visitor == f"v{number}"
            ]
            assert order == sorted(order)
