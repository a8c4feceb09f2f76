"""The spool on disk, and the delivery that falls back to it."""

import errno
import struct
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.spool_log import Log, drained, records, submit
from tracker.delivery import delivery, spool
from tracker.delivery.delivery import Delivery
from tracker.delivery.spool import Spool, claim
from tracker.delivery.spool_segment import HEADER_BYTES, frame
from tracker.log.port import LogUnavailable, Record, RecordTooLarge


def test_records_come_back_in_order_over_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 500)
    box = Spool(tmp_path)
    for first in range(0, 100, 5):
        box.write(records(first, 5))
    assert len(list(tmp_path.glob("*.spool"))) > 5
    assert box.read(3) == box.read(3) == records(0, 3)
    assert drained(box) == records(0, 100)
    assert box.empty
    box.write(records(100, 1))
    assert drained(box) == records(100, 1)
    assert len(list(tmp_path.glob("*.spool"))) <= 1
    box.close()


def test_a_restart_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 500)
    box = Spool(tmp_path)
    box.write(records(0, 20))
    assert box.read(5) == records(0, 5)
    box.drop()
    assert box.read(5) == records(5, 5)  # not dropped: a crash here repeats them
    box.close()
    again = Spool(tmp_path)
    again.write(records(20, 5))
    assert drained(again) == records(5, 20)
    again.close()
    empty = Spool(tmp_path)
    assert empty.empty
    assert empty.read() == []
    empty.close()


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_write_costs_nothing_before_it(tmp_path: Path, cut: int) -> None:
    box = Spool(tmp_path)
    box.write(records(0, 10))
    box.close()
    path = tmp_path / "00000001.spool"
    path.write_bytes(path.read_bytes()[:-cut])
    again = Spool(tmp_path)
    again.write(records(10, 2))
    assert drained(again) == records(0, 9) + records(10, 2)
    assert [bad.suffix for bad in tmp_path.glob("*.bad")] == [".bad"]
    again.close()


def damaged(folder: Path, at: int, count: int = 5) -> tuple[list[Record], list[Path]]:
    """What is read where one bit at ``at`` (a fraction of the file: permille) has flipped; and what was put aside."""
    box = Spool(folder)
    box.write(records(0, count))
    box.close()
    path = folder / "00000001.spool"
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)
    again = Spool(folder)
    found = drained(again)
    again.close()
    return found, list(folder.glob("*.bad"))


def test_a_damaged_record_is_set_aside_and_those_behind_it_are_read(tmp_path: Path) -> None:
    size = len(frame(records(0, 1)[0]))
    found, aside = damaged(tmp_path, HEADER_BYTES + size + 20)
    assert found == records(0, 1) + records(2, 3)
    assert [(path.stat().st_size, path.suffixes) for path in aside] == [(size, [".bad"])]
    assert not list(tmp_path.glob("*.spool"))


@pytest.mark.slow
def test_any_bit_may_flip(tmp_path: Path) -> None:
    size = len(frame(records(0, 1)[0]))
    for at in range(HEADER_BYTES + 2 * size):
        folder = tmp_path / str(at)
        found, aside = damaged(folder, at, 3)
        whole = set(range(3)) - ({(at - HEADER_BYTES) // size} if at >= HEADER_BYTES else set())
        told = [records(0, 3).index(record) for record in found]
        assert told == sorted(told)
        assert set(told) <= whole
        if len(told) < 3:
            kept = b"".join(path.read_bytes() for path in aside)
            assert len(kept) == (3 - len(told)) * size, "what is not read is kept"
            assert all(".torn" not in path.suffixes for path in aside), "this was acknowledged"


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    place=st.integers(0, 5_200),
    length=st.integers(1, 700),
    filling=st.sampled_from([b"\0", b"\xff", b"\0\1", b"{"]),
)
def test_a_hole_costs_only_what_stood_in_it(
    tmp_path_factory: pytest.TempPathFactory, place: int, length: int, filling: bytes
) -> None:
    folder, written = tmp_path_factory.mktemp("hole"), records(0, 60)
    box = Spool(folder)
    box.write(written)
    box.close()
    path = folder / "00000001.spool"
    raw = bytearray(path.read_bytes())
    hole = range(place, min(place + length, len(raw)))
    raw[hole.start : hole.stop] = (filling * length)[: len(hole)]
    path.write_bytes(raw)
    whole, at = list[Record](), HEADER_BYTES
    for record in written:
        stop = at + len(frame(record))
        if stop <= hole.start or hole.stop <= at:
            whole.append(record)
        at = stop
    again = Spool(folder)
    found = drained(again)
    again.close()
    assert [record for record in found if record in whole] == whole
    assert set(found) <= set(written)
    if len(found) < len(written) and hole.stop < len(raw):
        assert [bad for bad in folder.glob("*.bad") if ".torn" not in bad.suffixes]


@pytest.mark.parametrize("tail", [b"\0" * 5_000, b"\0" * 3, frame(Record("k", b"v" * 99))[:-1]])
def test_a_write_that_did_not_end_is_no_event_and_no_alarm(tmp_path: Path, tail: bytes) -> None:
    box = Spool(tmp_path)
    box.write(records(0, 2))
    box.close()
    with (tmp_path / "00000001.spool").open("ab") as file:
        file.write(tail)
    again = Spool(tmp_path)
    assert drained(again) == records(0, 2)
    assert [path.suffixes for path in tmp_path.glob("*.bad")] == [[".torn", ".bad"]]
    again.close()


def first_layout(of: list[Record]) -> bytes:
    parts = ((record.key.encode(), record.key.encode() + record.value) for record in of)
    return b"".join(struct.pack(">III", len(whole), crc32(whole), len(key)) + whole for key, whole in parts)


def test_a_folder_of_the_first_layout_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "00000003.spool").write_bytes(first_layout(records(0, 9)))
    (tmp_path / "00000004.spool").write_bytes(first_layout(records(9, 9)))
    (tmp_path / "head").write_text(f"3 {len(first_layout(records(0, 4)))}")
    box = Spool(tmp_path)
    box.write(records(18, 2))
    assert drained(box) == records(4, 16)
    box.close()
    Spool(tmp_path).close()
    assert not (tmp_path / "head").exists()


@pytest.mark.parametrize("head", ["7 100", "1 100", "1 62", "2 62", "2 0"])
def test_events_that_the_first_layout_took_for_drained_are_read(tmp_path: Path, head: str) -> None:
    """Its numbers began at 1 again after a restart, below a head that stayed."""
    (tmp_path / "head").write_text(head)
    time.sleep(0.05)  # more than a tick of the file system's clock
    (tmp_path / "00000001.spool").write_bytes(first_layout(records(0, 5)))
    (tmp_path / "00000002.spool").write_bytes(first_layout(records(5, 5)))
    box = Spool(tmp_path)
    assert drained(box) == records(0, 10)
    box.close()


def test_a_drained_spool_that_starts_again_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 300)
    for life in range(4):
        box = Spool(tmp_path)
        box.write(records(life * 10, 10))
        assert box.read(3) == records(life * 10, 3)
        box.drop()
        assert drained(box) == records(life * 10 + 3, 7)
        box.close()


def test_what_is_put_aside_is_never_overwritten(tmp_path: Path) -> None:
    for _ in range(3):
        box = Spool(tmp_path)
        box.write(records(0, 3))
        box.close()
        [path] = tmp_path.glob("*.spool")
        path.write_bytes(path.read_bytes()[:-1])
        again = Spool(tmp_path)
        drained(again)
        again.close()
    assert len(list(tmp_path.glob("*.bad"))) == 3


def test_a_segment_that_the_disk_does_not_give_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 1)
    box = Spool(tmp_path)
    for n in range(3):
        box.write(records(n, 1))
    real = Path.open

    def failing(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "00000001.spool":
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "open", failing)
    assert drained(box) == records(1, 2)
    assert [path.name for path in tmp_path.glob("*.bad")] == ["00000001.bad"]
    box.close()


def test_a_segment_that_somebody_deleted_stands_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 1)
    box = Spool(tmp_path)
    box.write(records(0, 1))
    box.write(records(1, 1))
    (tmp_path / "00000001.spool").unlink()
    assert drained(box) == records(1, 1)
    box.close()


def test_a_full_disk_gathers_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Spool(tmp_path)
    with monkeypatch.context() as patch:
        for operation in ("os.write", "os.fdatasync", "os.fsync"):
            patch.setattr(operation, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            for n in range(5):
                with pytest.raises(LogUnavailable, match="No space"):
                    box.write(records(n, 1))
    assert list(tmp_path.glob("*.spool")) == []
    box.write(records(5, 1))
    assert drained(box) == records(5, 1)
    box.close()


def test_it_is_bounded_and_room_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 500)
    box = Spool(tmp_path, limit=2_000)
    written = 0
    with pytest.raises(LogUnavailable, match="full") as caught:
        for n in range(100):
            box.write(records(n, 1))
            written += 1
    assert caught.value.retry_after >= 1
    assert box.size <= 2_000
    assert drained(box) == records(0, written)
    box.write(records(0, 1))
    box.close()


def test_a_disk_that_fails_is_said_and_the_next_write_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Spool(tmp_path)
    box.write(records(0, 1))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", fail)
        with pytest.raises(LogUnavailable, match="No space"):
            box.write(records(1, 1))
    box.write(records(2, 1))
    assert drained(box) == records(0, 1) + records(2, 1)
    box.close()


def test_each_process_has_its_own_and_adopts_what_the_dead_left(tmp_path: Path) -> None:
    [first] = claim(tmp_path)
    [second] = claim(tmp_path)
    assert first.folder != second.folder
    first.write(records(0, 2))
    second.write(records(2, 2))
    with pytest.raises(BlockingIOError):
        Spool(first.folder)
    first.close()
    second.close()
    both = claim(tmp_path)
    assert [drained(box) for box in both] == [records(0, 2), records(2, 2)]
    for box in both:
        box.close()


@settings(deadline=None, max_examples=40)
@given(
    batches=st.lists(
        st.lists(st.builds(Record, st.text(max_size=9), st.binary(max_size=60)), min_size=1), max_size=8
    )
)
@pytest.mark.slow
def test_any_records_come_back(tmp_path_factory: pytest.TempPathFactory, batches: list[list[Record]]) -> None:
    box = Spool(tmp_path_factory.mktemp("spool"))
    for batch in batches:
        box.write(batch)
    assert drained(box) == [record for batch in batches for record in batch]
    box.close()


def settled(way: Delivery) -> None:
    deadline = time.monotonic() + 10
    while (way.state == "spooling" or way._backlogged()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert way.state == "direct"


def test_a_log_that_is_down_is_not_noticed_by_clients(tmp_path: Path) -> None:
    log = Log()
    way = Delivery(log, claim(tmp_path))
    submit(way, records(0, 2))
    log.down = True
    for n in range(2, 30):
        submit(way, records(n, 1))
    assert way.state == "spooling"
    assert way.ready()
    log.down = False
    settled(way)
    submit(way, records(30, 1))
    assert log.records == records(0, 31)
    way.close()


def test_what_was_spooled_is_drained_first_after_a_restart(tmp_path: Path) -> None:
    log = Log()
    log.down = True
    way = Delivery(log, claim(tmp_path))
    submit(way, records(0, 5))
    way.close()
    log.down = False
    again = Delivery(log, claim(tmp_path))
    submit(again, records(5, 1))
    settled(again)
    assert log.records == records(0, 6)
    again.close()


def test_a_browser_is_answered_at_once_while_the_log_hangs(tmp_path: Path) -> None:
    log = Log()
    way = Delivery(log, claim(tmp_path))
    log.open.clear()
    slowest = 0.0
    for n in range(40):
        start = time.perf_counter()
        submit(way, records(n, 1), browser=True)
        slowest = max(slowest, time.perf_counter() - start)
    assert slowest < 0.5  # 30 ms of patience and one fsync; the rest is room for a busy test machine
    assert way.state == "spooling"
    log.open.set()
    settled(way)
    unique = list(dict.fromkeys(log.records))
    assert sorted(unique) == sorted(records(0, 40))
    way.close()


def test_a_hanging_log_does_not_hold_programs_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SERVER_WAIT_SECONDS", 0.3)
    log = Log()
    way = Delivery(log, claim(tmp_path))
    log.open.clear()
    with ThreadPoolExecutor(20) as pool:
        start = time.perf_counter()
        list(pool.map(lambda n: submit(way, records(n, 1)), range(100)))
        assert time.perf_counter() - start < 3
    log.open.set()
    settled(way)
    assert set(log.records) == set(records(0, 100))
    way.close()


def test_a_full_spool_refuses_and_says_when_to_come_back(tmp_path: Path) -> None:
    log = Log()
    log.down = True
    way = Delivery(log, claim(tmp_path, limit=1_000))
    accepted = []
    with pytest.raises(LogUnavailable, match="full"):
        for n in range(100):
            submit(way, records(n, 1))
            accepted += records(n, 1)
    assert not way.ready()
    log.down = False
    settled(way)
    assert log.records == accepted
    way.close()


def test_a_record_that_the_log_never_takes_is_kept_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    class Picky(Log):
        def append(self, batch: Sequence[Record]) -> None:
            if any(len(record.value) > 1_000 for record in batch):
                raise RecordTooLarge("too large")
            super().append(batch)

    log = Picky()
    huge = Record("k", b"x" * 2_000)
    way = Delivery(log, claim(tmp_path))
    submit(way, [*records(0, 2), huge, *records(2, 2)])
    settled(way)
    submit(way, records(4, 1))
    assert log.records == records(0, 5)
    kept = next(tmp_path.rglob("refused.bad"))
    assert huge.value in kept.read_bytes()
    way.close()
    assert [box.empty for box in claim(tmp_path)] == [True]


def test_without_a_spool_a_log_that_is_down_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CLOSE_SECONDS", 0.2)
    log = Log()
    way = Delivery(log)
    log.down = True
    with pytest.raises(LogUnavailable):
        submit(way, records(0, 1))
    assert not way.ready()
    log.down = False
    log.open.clear()
    with pytest.raises(LogUnavailable, match="does not answer"):
        submit(way, records(0, 1))
    log.open.set()
    way.close()
