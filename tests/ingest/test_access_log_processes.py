"""A log read by several processes is read as by one: in order, each line once, whatever becomes of a helper."""

import gzip
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.access_log import processes
from ingest.access_log.format import named
from ingest.access_log.lines import LogUnreadable, blocks, opened
from ingest.access_log.page_views import BlockResult, ImportOptions
from ingest.access_log.processes import portions
from ingest.access_log.reader import AccessLogReader
from tests.support.access_log_lines import GOOGLEBOT, KEY, line
from tracker.sites import Site


@pytest.fixture
def choice(site: Site) -> ImportOptions:
    return ImportOptions(named("combined"), site, KEY)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some 60 blocks, most of which begin and end within a line; equal lines far apart, and lines in no format."""
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 10_000)
    lines = [
        line("/s.css", 0, referrer="https://shop.example/"),
        line("/s.css", 0, referrer="https://shop.example/"),
    ]
    for number in range(3_000):
        lines.append(line(f"/{number % 700}", number // 700, ip=f"203.0.{number % 7}.1"))
        if number % 100 == 0:
            lines += [
                "nonsense\n",
                line("/", number, ua=GOOGLEBOT),
                line("/x", number, referrer="https://shop.example/"),
            ]
    path = tmp_path / "access.log"
    path.write_text("".join(lines))
    return path


def told(path: Path, choice: ImportOptions, helpers: int) -> tuple[object, ...]:
    """Everything that is known of a file."""
    log = AccessLogReader(choice)
    with opened(str(path)) as (stream, _):
        parts = portions(blocks(stream, path.name), choice, helpers)
        views = [row for portion in parts for row in log.take(portion).to_pylist()]
    return views, log.lines, log.fates, log.examples, log.host


def test_helpers_change_nothing(log: Path, choice: ImportOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, together = told(log, choice, 0), told(log, choice, 2)
    assert together == alone
    monkeypatch.setattr("ingest.access_log.lines.BLOCK", 1 << 20)
    assert told(log, choice, 0) == alone  # nor do the blocks, between which lines are split
    views, lines, fates, examples, host = alone
    assert isinstance(views, list)
    assert lines == log.read_text().count("\n")
    assert len({view["id"] for view in views}) == len(views) == 3_030
    assert (fates["malformed"], len(examples), host) == (30, 3, "shop.example")


def test_a_helper_that_is_killed_loses_no_line(
    log: Path, choice: ImportOptions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alone, read = told(log, choice, 0), processes._Helper.read

    def killed(self: processes._Helper, block: bytes, host: str) -> BlockResult:
        portion = read(self, block, host)
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)  # it has read one, and the next one ends it
        return portion

    monkeypatch.setattr(processes._Helper, "read", killed)
    assert told(log, choice, 2) == alone
    assert "has ended" in caplog.text


def test_helpers_that_cannot_start_are_done_without(
    log: Path, choice: ImportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = told(log, choice, 0)

    def refused(self: processes._Helper, choice: ImportOptions) -> None:
        raise OSError("too many processes")

    monkeypatch.setattr(processes._Helper, "__init__", refused)
    assert told(log, choice, 2) == alone


def test_what_comes_before_a_broken_place_is_told_first(
    log: Path, choice: ImportOptions, tmp_path: Path
) -> None:
    broken = tmp_path / "access.log.gz"
    broken.write_bytes(gzip.compress(log.read_bytes())[:-3_000])
    with opened(str(broken)) as (stream, _):
        found = portions(blocks(stream, broken.name), choice, 2)
        assert sum(portion.lines for portion in until_broken(found)) > 1_000


def until_broken(found: Iterator[BlockResult]) -> Iterator[BlockResult]:
    with pytest.raises(LogUnreadable):
        yield from found


def test_whoever_stops_early_leaves_no_process_behind(log: Path, choice: ImportOptions) -> None:
    with opened(str(log)) as (stream, _):
        found = portions(blocks(stream, log.name), choice, 2)
        for _ in range(5):
            next(found)
        found.close()  # type: ignore[attr-defined]  # it is a generator
    assert "log reader" not in [process.name for process in multiprocessing.active_children()]
