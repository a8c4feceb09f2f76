"""What a restored backup must be told: who was erased since, and what was said about consent."""

import logging
import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from dangol.archive import erasure_file
from dangol.archive.archive import ERASURES, Archive
from dangol.archive.erasure_file import MARGIN_MS, Consented, Erased, Line, pruned, since
from dangol.archive.erasure_log import ErasureLog
from tests.support.machine import Clock
from tracker.event import Event

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def erasures(client: redis.Redis, clock: Clock) -> ErasureLog:
    return ErasureLog(client, clock)


def said(name: str, at: int, *, visitor: str = "a") -> Event:
    return Event(site="default", id=name, type="consent", ts=at, received=at, source="api", visitor=visitor)


def ms(clock: Clock) -> int:
    return int(clock() * 1000)


def test_without_a_backup_nothing_is_kept(erasures: ErasureLog) -> None:
    erasures.erased("default", ["u:1"], 5)
    erasures.consents([said("1", 5)])
    assert erasures.lines() == []


def test_every_destination_hears_of_it(erasures: ErasureLog, tmp_path: Path, clock: Clock) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
        erasures.remember(place)
    at = ms(clock)
    erasures.erased("default", ["v:a", "u:1"], at)
    erasures.consents([said("1", at + 1, visitor="b")])
    erasures.mirror()
    for place in places:
        assert since(place / ERASURES, at) == [
            Erased(at, "default", ("u:1", "v:a")),
            Consented(said("1", at + 1, visitor="b")),
        ]
        assert since(place / ERASURES, at + 1 + MARGIN_MS) == [Consented(said("1", at + 1, visitor="b"))]
        assert (place / ERASURES).stat().st_mode & 0o077 == 0


def test_a_destination_that_is_away_is_said_and_caught_up(
    erasures: ErasureLog, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    erasures.remember(place)
    place.rename(tmp_path / "unmounted")
    with caplog.at_level(logging.ERROR, "dangol.history.erasure"):
        erasures.erased("default", ["u:1"], ms(clock))  # the erasure itself goes on
    assert "do not know of the newest erasures" in caplog.text
    (told,) = erasures.destinations()
    assert "there is no" in told.failing and erasures.behind()
    assert not place.exists()  # nothing is made under an empty mount point
    (tmp_path / "unmounted").rename(place)
    erasures.mirror()
    assert len(since(place / ERASURES, 0)) == 1
    assert erasures.destinations()[0].failing == "" and not erasures.behind()


def test_what_an_erased_person_had_said_goes(erasures: ErasureLog, tmp_path: Path, clock: Clock) -> None:
    erasures.remember(tmp_path)
    at = ms(clock)
    erasures.consents([said("before", at), said("other", at, visitor="b")])
    erasures.mirror()
    erasures.erased("default", ["v:a"], at + 5)
    erasures.consents([said("after", at + 9)])
    erasures.mirror()
    assert since(tmp_path / ERASURES, 0) == [
        Consented(said("other", at, visitor="b")),
        Erased(at + 5, "default", ("v:a",)),
        Consented(said("after", at + 9)),
    ]
    assert erasures.lines() == []  # what every destination has does not stay in Redis


def test_what_an_erased_person_had_said_waits_nowhere(
    erasures: ErasureLog, tmp_path: Path, clock: Clock
) -> None:
    for name in ("here", "away"):
        (tmp_path / name).mkdir()
        erasures.remember(tmp_path / name)
    (tmp_path / "away").rename(tmp_path / "gone")
    erasures.consents([said("before", ms(clock))])
    erasures.mirror()
    assert len(erasures.lines()) == 1
    erasures.erased("default", ["v:a"], ms(clock) + 1)
    assert erasures.lines() == [Erased(ms(clock) + 1, "default", ("v:a",))]
    (tmp_path / "gone").rename(tmp_path / "away")
    erasures.mirror()
    assert since(tmp_path / "away" / ERASURES, 0) == [Erased(ms(clock) + 1, "default", ("v:a",))]
    assert erasures.lines() == []


def test_lines_go_with_the_last_backup_that_is_older(
    erasures: ErasureLog, tmp_path: Path, clock: Clock, client: redis.Redis
) -> None:
    erasures.remember(tmp_path)
    first = Archive(tmp_path, ms(clock)).finish("embedded", "embedded")
    clock.advance(10)
    erasures.erased("default", ["u:1"], ms(clock))
    erasures.trim(tmp_path)
    assert len(since(tmp_path / ERASURES, 0)) == 1
    clock.advance(MARGIN_MS / 1000 + 10)
    Archive(tmp_path, ms(clock)).finish("embedded", "embedded")
    (first / "manifest.json").unlink()
    erasures.trim(tmp_path)
    assert since(tmp_path / ERASURES, 0) == []
    assert client.hlen("dg:backups") == 1


def test_a_line_may_come_twice_and_a_damaged_file_is_said(erasures: ErasureLog, tmp_path: Path) -> None:
    line = Erased(1, "default", ("u:1",))
    assert pruned([line, line]) == [line]
    (tmp_path / ERASURES).write_text('{"type": "erased"\n')
    with pytest.raises(OSError, match="line 1 cannot be read"):
        since(tmp_path / ERASURES, 0)


def test_two_processes_bring_their_lines_at_once(
    erasures: ErasureLog, redis_url: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = erasure_file.pruned

    def slow(lines: Iterable[Line]) -> list[Line]:
        time.sleep(random.uniform(0, 0.03))  # between reading the file and writing it
        return real(lines)

    monkeypatch.setattr(erasure_file, "pruned", slow)
    erasures.remember(tmp_path)

    def erase(child: int) -> None:
        with redis.Redis.from_url(redis_url) as mine:
            for number in range(15):
                ErasureLog(mine, clock).erased("default", [f"u:{child}-{number}"], ms(clock))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(erase, range(4)))
    erasures.mirror()
    found = {name for line in since(tmp_path / ERASURES, 0) for name in line.ids}
    assert found == {f"u:{child}-{number}" for child in range(4) for number in range(15)}


def test_a_line_that_the_power_cut_is_written_again(
    erasures: ErasureLog, tmp_path: Path, clock: Clock
) -> None:
    erasures.remember(tmp_path)
    erasures.consents([said("1", ms(clock))])
    erasures.mirror()
    whole = (tmp_path / ERASURES).read_bytes()
    (tmp_path / ERASURES).write_bytes(whole + whole[:30])
    assert since(tmp_path / ERASURES, 0) == [Consented(said("1", ms(clock)))]
    erasures.consents([said("2", ms(clock))])
    erasures.mirror()
    assert since(tmp_path / ERASURES, 0) == [Consented(said(name, ms(clock))) for name in "12"]
