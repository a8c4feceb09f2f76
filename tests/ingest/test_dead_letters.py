"""Dead letters name the message, not its place: a log that was made anew counts from the start again."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dangol import compose
from dangol.settings import load
from ingest.dead_letters import DeadLetters
from tracker.log.memory import MemoryLog
from tracker.log.port import Record, RecordTooLarge


def test_a_replayed_letter_hides_none_of_another_log(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path)
    letters.add([letters.letter("ingest", (0, 7, "k", b"old"), "broken")])
    assert letters.replay(MemoryLog("memory://")) == 1
    letters.add(
        [letters.letter("ingest", (0, 7, "k", b"new"), "broken")]
    )  # the topic was deleted and made again
    assert [letter.raw for letter in letters.list()] == [b"new"]
    letters.add([letters.letter("ingest", (0, 7, "k", b"newer"), "broken")])
    assert [letter.raw for letter in letters.list()] == [b"new", b"newer"]
    letters.add(
        [letters.letter("ingest", (0, 7, "k", b"old"), "broken")]
    )  # a worker that died reads it again
    assert [letter.raw for letter in letters.list()] == [b"new", b"newer"]


class Picky(MemoryLog):
    def append(self, records: Sequence[Record]) -> None:
        if any(len(record.value) > 100 for record in records):
            raise RecordTooLarge("too large")
        super().append(records)


def test_what_the_log_refuses_again_waits_on_and_holds_nothing_up(tmp_path: Path) -> None:
    letters, log = DeadLetters(tmp_path), Picky("memory://")
    huge = letters.refused(Record("k", b"x" * 101), "too large")
    letters.add([letters.letter("a", (0, n, "k", b"%d" % n), "broken") for n in range(3)])
    letters.add([huge, huge])
    assert letters.replay(log) == 3
    assert letters.list() == [huge]
    assert letters.replay(log, [huge.id]) == 0
    assert letters.replay(MemoryLog("memory://")) == 1
    assert letters.list() == []


@pytest.mark.parametrize("end", [b"}\n", b'{"id":"a}\n', b"{}\n"])
def test_a_torn_line_that_looks_whole_breaks_nothing(tmp_path: Path, end: bytes) -> None:
    letters = DeadLetters(tmp_path)
    letters.add([letters.letter("a", (0, 1, "s:v", b"1"), "broken")])
    with letters.path.open("ab") as file:
        file.write(end)
    letters.add([letters.letter("a", (0, 2, "s:w", b"2"), "broken")])
    assert [letter.raw for letter in letters.list()] == [b"1", b"2"]
    letters.erase("s", ["v"], [])
    assert [letter.raw for letter in letters.list()] == [b"2"]


def test_what_the_tracker_cannot_append_becomes_a_dead_letter(tmp_path: Path) -> None:
    settings = load({"DANGOL_DATA": str(tmp_path), "DANGOL_LOG": "memory://"})
    tracker = compose.tracker(settings)
    delivery = tracker._delivery
    delivery._put_aside(Record("default:v1", b"huge"), "the record is too large", delivery._spools[-1])
    tracker.close()
    [letter] = compose.deadletters(settings).list()
    assert (letter.raw, letter.key, letter.reason) == (b"huge", "default:v1", "the record is too large")
