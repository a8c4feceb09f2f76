"""Up to when the warehouse is whole: known on a busy log, too, where something always waits."""

from dangol.history.watermark import Watermark
from tests.support.machine import Clock
from tracker.log.memory import MemoryLog
from tracker.log.port import Record


def test_a_moment_is_reached_when_all_that_was_there_then_is_done(clock: Clock) -> None:
    log = MemoryLog("memory://?partitions=2")
    consumer = log.consumer("ingest", "one")
    reached = Watermark(lambda: log.backlog("ingest"), clock)
    assert reached() == int(clock() * 1000)  # nothing was ever sent
    first = int(clock() * 1000)
    for turn in range(5):
        clock.advance(60)
        log.append([Record(f"k{n}", b"x") for n in range(10)])
        assert reached() == first + turn * 60_000
        taken = consumer.poll(1_000, 1.0)
        log.append([Record(f"k{n}", b"late") for n in range(3)])  # there is always something
        consumer.commit({message.partition: message.position for message in taken})
        assert log.lag("ingest") == 3
    clock.advance(60)
    assert reached() == first + 5 * 60_000


def test_a_log_made_anew_does_not_hold_it_back(clock: Clock) -> None:
    """What the old one held will never be done."""
    log = MemoryLog("memory://?partitions=1")
    consumer = log.consumer("ingest", "one")
    log.append([Record("k", b"x") for _ in range(100)])
    reached = Watermark(lambda: log.backlog("ingest"), clock)
    assert reached() is None
    log.remake()
    clock.advance(60)
    log.append([Record("k", b"x") for _ in range(10)])
    assert reached() is None
    moment = int(clock() * 1000)
    consumer.commit({0: consumer.poll(100, 1.0)[-1].position})
    clock.advance(60)
    assert reached() == moment + 60_000


def test_a_partition_that_nobody_reads_holds_it_back(clock: Clock) -> None:
    log = MemoryLog("memory://?partitions=2")
    consumer = log.consumer("ingest", "one")
    log.append([Record(f"k{n}", b"x") for n in range(10)])
    reached = Watermark(lambda: log.backlog("ingest"), clock)
    assert reached() is None
    taken = consumer.poll(1_000, 1.0)
    consumer.commit({0: max(message.position for message in taken if message.partition == 0)})
    assert reached() is None
    consumer.commit({1: max(message.position for message in taken if message.partition == 1)})
    assert reached() == int(clock() * 1000)
