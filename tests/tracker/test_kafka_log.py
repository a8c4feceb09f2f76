"""What the event log on Kafka promises beyond the contract."""

import gc
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.partitioner import DefaultPartitioner

from tests.support.kafka_broker import KafkaBroker
from tests.support.log_reading import append_patiently, ends, records, remade, take, values, wait_until
from tracker.log.kafka.cluster import Connection
from tracker.log.kafka.event_log import LARGEST_RECORD, KeyPartitioner
from tracker.log.open import open_log
from tracker.log.port import EventLog, LogUnavailable, Record

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
def own_log(own_kafka: KafkaBroker) -> Iterator[EventLog]:
    with closing(open_log(f"{own_kafka.url}/events?session=2&timeout=1")) as log:
        yield log


def available(log: EventLog) -> bool:
    with suppress(LogUnavailable):
        log.ping()
        return True
    return False


def test_kafka_killed_and_started_again(own_kafka: KafkaBroker, own_log: EventLog) -> None:
    with closing(own_log.consumer("g", "m")) as consumer:
        own_log.append(records(50))
        messages = take(consumer, 50)
        consumer.commit(ends(messages[:10]))
        own_kafka.kill(signal.SIGKILL)
        started = time.monotonic()
        for use in (lambda: own_log.append(records(1)), own_log.ping, lambda: own_log.lag("g")):
            with pytest.raises(LogUnavailable):
                use()
        assert time.monotonic() - started < 20
        own_kafka.start()
        wait_until(lambda: available(own_log))
        own_log.append(records(50, start=50))
        expected = set(range(100 if own_kafka.keeps_data else 50, 100)) | set(range(50, 100))
        seen: set[int] = set()

        def caught_up() -> bool:
            messages = consumer.poll(500, 0.5)
            seen.update(values(messages))
            consumer.commit(ends(messages))
            return expected <= seen and own_log.lag("g") == 0

        wait_until(caught_up, within=60)


def test_kafka_that_hangs_is_unavailable_within_the_timeout(
    own_kafka: KafkaBroker, own_log: EventLog
) -> None:
    own_log.append(records(1))
    assert own_kafka.process
    own_kafka.process.send_signal(signal.SIGSTOP)
    for use in (lambda: own_log.append(records(1)), own_log.ping):
        started = time.monotonic()
        with pytest.raises(LogUnavailable):
            use()
        assert time.monotonic() - started < 10
    own_kafka.process.send_signal(signal.SIGCONT)
    wait_until(lambda: available(own_log))
    own_log.append(records(1))


@pytest.mark.slow
def test_appending_while_kafka_comes_and_goes_loses_nothing_that_was_acknowledged(
    own_kafka: KafkaBroker, own_log: EventLog
) -> None:
    if not own_kafka.keeps_data:
        pytest.skip("Tansu keeps its data in memory: run with --apache-kafka")
    acknowledged: set[int] = set()
    stop = threading.Event()

    def append(thread: int) -> None:
        number = thread * 1_000_000
        while not stop.is_set():
            batch = records(10, start=number)
            number += 10
            try:
                own_log.append(batch)
            except LogUnavailable as error:
                time.sleep(error.retry_after)
            else:
                acknowledged.update(int(record.value) for record in batch)

    threads = [threading.Thread(target=append, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1)
        own_kafka.kill(signal.SIGKILL)
        time.sleep(1)
        own_kafka.start()
    size = len(acknowledged)
    wait_until(lambda: len(acknowledged) > size)
    stop.set()
    for thread in threads:
        thread.join()
    with closing(own_log.consumer("g", "m")) as consumer:
        seen: set[int] = set()
        deadline = time.monotonic() + 60
        while not acknowledged <= seen and time.monotonic() < deadline:
            seen.update(values(consumer.poll(5_000, 0.5)))
    assert not acknowledged - seen


def test_only_one_thread_waits_for_brokers_that_are_away() -> None:
    attempts: list[float] = []

    def connect() -> None:
        attempts.append(time.monotonic())
        time.sleep(0.2)
        raise LogUnavailable("nobody there")

    connection = Connection(connect)
    failures: list[LogUnavailable] = []

    def get() -> None:
        try:
            connection.get()
        except LogUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=get) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 10
    assert all(later - earlier > 1.0 for earlier, later in pairwise(attempts))


def test_every_kafka_client_would_choose_the_same_partition() -> None:
    class Cluster:
        """As much of kafka-python's metadata as partitioners ask for."""

        def topics(self) -> set[str]:
            return {"events"}

        def partitions_for_topic(self, topic: str) -> set[int]:
            return set(range(7))

        available_partitions_for_topic = partitions_for_topic

    keys = [f"site:v{n}".encode() for n in range(500)] + [b"", "site:단골".encode()]
    for key in keys:
        arguments = ("events", None, key, None, b"", Cluster())
        assert KeyPartitioner().partition(*arguments) == DefaultPartitioner().partition(*arguments)


def test_a_record_beyond_what_brokers_take_is_an_error_of_the_caller(kafka_url: str) -> None:
    with closing(open_log(f"{kafka_url}/large")) as log, closing(log.consumer("g", "m")) as consumer:
        with pytest.raises(ValueError, match="900001 bytes"):
            log.append([Record("k", b"x" * (LARGEST_RECORD + 1))])
        log.append([Record("k", b"x" * LARGEST_RECORD), Record("k", b"y" * LARGEST_RECORD)])
        assert [len(message.value) for message in take(consumer, 2)] == [LARGEST_RECORD] * 2


def test_an_append_wakes_the_producers_thread_once(kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it sends the first record of each partition alone, while the others are still being placed."""
    woken: list[str] = []
    wakeup = KafkaNetClient.wakeup

    def counted(client: KafkaNetClient) -> None:
        woken.append(threading.current_thread().name)
        wakeup(client)

    with closing(open_log(f"{kafka_url}/woken")) as log:
        log.append(records(100))
        monkeypatch.setattr(KafkaNetClient, "wakeup", counted)
        log.append(records(100, start=100))
        assert woken.count(threading.current_thread().name) == 1
        monkeypatch.undo()
        with closing(log.consumer("g", "m")) as consumer:
            assert sorted(values(take(consumer, 200))) == list(range(200))


def test_the_topic_is_made_as_the_url_says_and_says_what_it_risks(kafka_url: str) -> None:
    with closing(open_log(f"{kafka_url}/narrow?partitions=2")) as log:
        log.append(records(100))
        with closing(log.consumer("g", "m")) as consumer:
            assert {message.partition for message in take(consumer, 100)} == {0, 1}
        assert "one replica" in str(log.durability())
    with closing(open_log(f"{kafka_url}/narrow?partitions=8")) as log:  # it stays as it was made
        log.append(records(10))


def test_groups_of_two_topics_do_not_meet(kafka_url: str) -> None:
    with closing(open_log(f"{kafka_url}/one")) as one, closing(open_log(f"{kafka_url}/two")) as two:
        one.append(records(10))
        two.append(records(10))
        with closing(one.consumer("g", "m")) as first, closing(two.consumer("g", "m")) as second:
            assert len(take(first, 10)) == len(take(second, 10)) == 10
            assert len(first.owned()) == len(second.owned()) == 4


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_trying_in_vain_leaves_no_threads_or_sockets_behind() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # what tests before this one left is not counted here
    with socket.socket() as mute:  # takes connections and never answers
        mute.bind(("127.0.0.1", 0))
        mute.listen(100)
        log = open_log(f"kafka://127.0.0.1:{mute.getsockname()[1]}/events?timeout=0.2")
        consumer = log.consumer("g", "m")
        for use in (log.ping, lambda: log.append(records(1)), lambda: consumer.poll(1, 0.1)):
            with pytest.raises(LogUnavailable):
                use()
        gc.collect()
        before = threading.active_count(), open_files()
        for _ in range(3):
            time.sleep(1.05)
            for use in (log.ping, lambda: log.append(records(1)), lambda: consumer.poll(1, 0.1)):
                with pytest.raises(LogUnavailable):
                    use()
        gc.collect()
        assert threading.active_count() <= before[0]
        assert open_files() <= before[1] + 1
        consumer.close()
        log.close()


def test_what_the_last_release_committed_is_adopted_by_the_first_topic_only(kafka_url: str) -> None:
    """Its groups had no identity in their names."""
    url = f"{kafka_url}/adopted?session=2&partitions=4"
    group = "adopted.g"
    with (
        closing(open_log(url)) as log,
        closing(KafkaAdminClient(bootstrap_servers=kafka_url.removeprefix("kafka://"))) as admin,
    ):
        append_patiently(log, [Record("k", str(n).encode()) for n in range(20)])
        with closing(log.consumer("other", "m")) as consumer:
            partition = take(consumer, 20)[0].partition
        at = TopicPartition("adopted", partition)
        wait_until(lambda: altered(admin, group, {at: OffsetAndMetadata(15, "", -1)}))
        with closing(log.consumer("g", "m")) as consumer:
            messages = take(consumer, 5)
            assert values(messages) == list(range(15, 20))
            consumer.commit(ends(messages))
        remade(url, log)()
        append_patiently(log, [Record("k", str(n).encode()) for n in range(20, 40)])
        for name in (group, f"{group}.the-old-topic"):  # offsets may outlive their topic
            wait_until(lambda name=name: altered(admin, name, {at: OffsetAndMetadata(15, "", -1)}))
        with closing(log.consumer("g", "m")) as consumer:
            assert values(take(consumer, 20)) == list(range(20, 40))


def altered(admin: KafkaAdminClient, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> bool:
    try:
        admin.alter_group_offsets(group, offsets)
    except KafkaError:  # no coordinator yet
        return False
    return True
