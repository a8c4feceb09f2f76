"""What waits on this machine's disk is seen by every process, and no process that is gone keeps it there."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.spool_log import Log, drained, records, submit
from tracker.delivery import delivery, spool
from tracker.delivery.delivery import Delivery
from tracker.delivery.spool import Spool, adopt, claim
from tracker.delivery.spool_backlog import SpoolWatch
from tracker.log.port import Record, RecordTooLarge
from tracker.metrics import STUCK_SECONDS, Metrics, Spooled

EVENT = b'{"v":1,"id":"a","received":1764500000000}'


def wait_until(check: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def test_a_look_sees_the_spools_of_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 200)
    watch = SpoolWatch(tmp_path)
    assert watch.look() == Spooled()
    first, second = Spool(tmp_path / "0"), Spool(tmp_path / "1")
    (tmp_path / "salt-1").write_text("no spool")
    assert watch.look() == Spooled()
    first.write([Record("k", EVENT)] * 3)
    second.write([Record("k", EVENT.replace(b"17645", b"17644"))])
    for n in range(20):
        second.write(records(n, 1))
    looked = watch.look()
    assert (looked.events, looked.oldest, looked.abandoned) == (24, 1764400000.0, 0)
    assert looked.bytes > 24 * 40
    assert watch.look(count=False) == looked._replace(events=0)
    second.close()
    assert watch.look().abandoned == 1
    again = Spool(tmp_path / "1")
    taken = len(again.read())
    again.drop()
    assert watch.look().events == 24 - taken
    drained(again)
    drained(first)
    assert watch.look() == Spooled()
    first.close()
    again.close()


def test_it_is_an_alarm_when_events_wait_for_longer_than_a_minute(tmp_path: Path) -> None:
    box = Spool(tmp_path / "0")
    assert not SpoolWatch(tmp_path).look().stuck(1e12)
    box.write([Record("k", EVENT)])
    looked = SpoolWatch(tmp_path).look()
    assert not looked.stuck(1764500000 + STUCK_SECONDS - 1)
    assert looked.stuck(1764500000 + STUCK_SECONDS + 1)
    box.close()


def test_what_was_put_aside_is_told(tmp_path: Path) -> None:
    box = Spool(tmp_path / "0")
    box.keep(Record("k", b"refused"))
    (tmp_path / "0" / "00000007-20.bad").write_bytes(b"x" * 30)
    (tmp_path / "0" / "00000008-20.torn.bad").write_bytes(b"x" * 50)
    looked = SpoolWatch(tmp_path).look()
    assert looked.unreadable == 30
    assert looked.refused > 0
    box.close()


def test_the_gauges_are_those_of_the_machine(tmp_path: Path) -> None:
    box = Spool(tmp_path / "0")
    box.write([Record("k", EVENT)] * 5)
    box.close()
    told = Metrics(SpoolWatch(tmp_path).look, lambda: 1764500100.0).text().decode()
    for line in ("events 5.0", "oldest_seconds 100.0", "abandoned 1.0", "unreadable_bytes 0.0"):
        assert f"dangol_tracker_spool_{line}\n" in told

    def broken() -> Spooled:
        raise PermissionError("no")

    told = Metrics(broken).text().decode()
    assert "spool_events" not in told
    assert "events_accepted_total" in told


def test_a_look_while_others_write_and_drain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 100)
    box = Spool(tmp_path / "0")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            box.write(records(0, 3))
            drained(box)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(300):
        SpoolWatch(tmp_path).look()
    stop.set()
    thread.join()
    assert SpoolWatch(tmp_path).look() == Spooled()
    box.close()


def test_a_running_process_adopts_what_another_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer workers than before nobody starts who would claim the folder."""
    monkeypatch.setattr(delivery, "ADOPT_SECONDS", 0.05)
    log = Log()
    way = Delivery(log, claim(tmp_path))
    dead = Spool(tmp_path / "7")
    dead.write(records(0, 5))
    time.sleep(0.2)
    assert log.records == [], "its owner lives"
    dead.close()
    wait_until(lambda: len(log.records) == 5 and len(way._spools) == 1)
    assert log.records == records(0, 5)
    assert adopt(tmp_path) == []
    Spool(tmp_path / "7").close()  # let go of, for the next to have
    submit(way, records(5, 1))
    assert log.records == records(0, 6)
    way.close()


def test_folders_that_are_no_spools_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir(mode=0)
    (tmp_path / "5").mkdir()
    [own] = claim(tmp_path)
    assert own.folder == tmp_path / "5"
    assert not any((tmp_path / "lost+found").iterdir())
    own.close()


def test_nothing_is_appended_twice_for_a_record_that_the_log_refuses(tmp_path: Path) -> None:
    class Picky(Log):
        def append(self, batch: list[Record]) -> None:  # type: ignore[override]
            if any(record.value.startswith(b"huge") for record in batch):
                raise RecordTooLarge("too large")
            super().append(batch)

    log = Picky()
    box = Spool(tmp_path / "0")
    wanted = records(0, 600)
    box.write(
        [*wanted[:251], Record("k", b"huge"), *wanted[251:400], Record("k", b"huge too"), *wanted[400:]]
    )
    box.close()
    way = Delivery(log, claim(tmp_path))
    wait_until(lambda: len(log.records) >= 600 and way.state == "direct")
    assert log.records == wanted
    assert b"huge too" in (tmp_path / "0" / "refused.bad").read_bytes()
    way.close()


def test_a_record_that_can_be_kept_nowhere_waits_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_SECONDS", 0.01)

    class Picky(Log):
        def append(self, batch: list[Record]) -> None:  # type: ignore[override]
            if any(record.value == b"huge" for record in batch):
                raise RecordTooLarge("too large")
            super().append(batch)

    tries: list[Record] = []

    def full(self: Spool, record: Record) -> Path:
        tries.append(record)
        raise OSError(28, "No space left on device")

    log = Picky()
    box = Spool(tmp_path / "0")
    box.write([*records(0, 3), Record("k", b"huge"), *records(3, 3)])
    box.close()
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "keep", full)
        way = Delivery(log, claim(tmp_path))
        wait_until(lambda: len(tries) > 5)
        assert log.records == records(0, 3)
    wait_until(lambda: way.state == "direct")
    assert log.records == records(0, 6)
    way.close()
