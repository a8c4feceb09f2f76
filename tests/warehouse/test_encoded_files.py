"""The files of encoded events: lost, damaged, unwritable, made twice, gone with their data."""

import errno
import os
import random
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc

from tests.support.warehouse_reports import (
    SPANS,
    answers,
    equal_in_sql,
    happened,
    small_thresholds,
    warehouse,
)
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import AliasRow, Warehouse
from warehouse.query_engine import QueryEngine
from warehouse.reports.overview import overview

__all__ = ["small_thresholds", "warehouse"]  # fixtures

WHOLE = SPANS[2]


def kept(warehouse: Warehouse) -> list[Path]:
    return sorted(path for path in Path(warehouse.path, "index").glob("*/*"))


def old(path: Path) -> None:
    """As some release may have written it: sound, but not what we read."""
    with path.open("wb") as sink, ipc.new_file(sink, pa.schema([("base", pa.int64())])) as writer:
        writer.write_table(pa.table({"base": [1]}))


DAMAGES = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "empty": lambda path: path.write_bytes(b""),
    "its end is missing": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "something else": lambda path: path.write_bytes(b"\0" * 5000),
    "of other columns": old,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_again(warehouse: Warehouse, damage: str) -> None:
    expected = answers(warehouse, WHOLE)
    sizes = {path: path.stat().st_size for path in kept(warehouse)}
    assert sizes
    for path in sizes:
        DAMAGES[damage](path)
    assert answers(Warehouse(warehouse.path), WHOLE) == expected
    assert {path: path.stat().st_size for path in kept(warehouse)} == sizes


def test_a_folder_that_cannot_be_written_costs_time_only(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    Path(warehouse.path, "index").write_text("in the way")
    equal_in_sql(warehouse, WHOLE)
    assert "cannot be stored" in caplog.text


def test_a_full_disk_costs_time_only(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    equal_in_sql(warehouse, WHOLE)
    assert "No space left" in caplog.text
    assert not kept(warehouse)


def test_two_processes_may_encode_the_same_file_at_once(warehouse: Warehouse) -> None:
    expected = answers(warehouse, WHOLE)
    paths = kept(warehouse)
    for path in paths:
        path.unlink()
    ready, found = threading.Barrier(3), list[Any]()

    def ask() -> None:
        own = Warehouse(warehouse.path)
        own.ping()
        ready.wait(60)
        found.append(answers(own, WHOLE))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert found == [expected] * 3
    assert kept(warehouse) == paths


def test_files_may_go_while_a_report_is_about_to_read_them(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, relation, gone = answers(warehouse, WHOLE), QueryEngine._relation, list[int]()

    def late(*args: Any) -> Any:
        if not gone:
            gone.append(0)
            other = Warehouse(warehouse.path)
            gone.append(other.compact())
            gone.append(other.vacuum(0))
        return relation(*args)

    chance = random.Random(5)
    warehouse.append([each._replace(id=f"late{each.id}") for each in happened(chance, 60)], [], {})
    monkeypatch.setattr(QueryEngine, "_relation", late)
    found = answers(Warehouse(warehouse.path), WHOLE)
    assert gone[1] > 0
    assert gone[2] > 0
    assert found != expected
    equal_in_sql(warehouse, WHOLE)
    assert found == answers(warehouse, WHOLE)


def test_a_file_of_nothing_but_bots_has_an_empty_index(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    bots = [row(NOON + at, id=f"b{at}", profile="bot", session="b", bot=True) for at in range(50)]
    warehouse.append(bots, [], {})
    equal_in_sql(warehouse, WHOLE)
    assert len(kept(warehouse)) == 1
    people = [row(NOON + DAY_MS + at, id=f"p{at}", profile="p", session="p") for at in range(50)]
    warehouse.append(people, [], {})
    equal_in_sql(warehouse, WHOLE)
    assert overview(warehouse, "default", WHOLE, "EUR").events == 50


def test_a_file_all_of_whose_visits_belong_to_others_now_has_an_empty_index(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for day, session in enumerate(("owner001a", "owner001b")):
        rows = [row(NOON + day * DAY_MS + at, id=f"{session}{at}", session=session) for at in range(50)]
        warehouse.append(rows, [], {})
    warehouse.append([], [AliasRow("default", "session", "owner001b", "owner001a", 1)], {("log", 0): 1})
    equal_in_sql(warehouse, WHOLE)
    assert overview(warehouse, "default", WHOLE, "EUR").sessions == 1


def test_what_arrives_in_small_commits_is_read_again_a_few_times_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, read, block = Warehouse(str(tmp_path)), list[int](), QueryEngine._encode

    def counted(engine: QueryEngine, cursor: Any, site: str, files: Any) -> Any:
        read.append(sum(file.rows for file in files))
        return block(engine, cursor, site, files)

    monkeypatch.setattr(QueryEngine, "_encode", counted)
    for at in range(32):
        warehouse.append(
            [row(NOON + at * 10 + n, id=f"{at}-{n}", session=f"s{at}") for n in range(3)], [], {}
        )
        assert overview(warehouse, "default", WHOLE, "EUR").sessions == at + 1
    assert sum(read) < 32 * 3 * 6  # all of them each time would be 16 times


def test_a_data_file_is_encoded_once_and_its_index_goes_with_it(warehouse: Warehouse, tmp_path: Path) -> None:
    overview(warehouse, "default", WHOLE, "EUR")
    blocks = {path: path.stat().st_mtime_ns for path in (tmp_path / "index" / "default").iterdir()}
    assert blocks
    again = Warehouse(str(tmp_path))
    overview(again, "default", WHOLE, "EUR")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "index" / "default").iterdir()} == blocks
    day = datetime.fromtimestamp((NOON + 2 * DAY_MS) / 1000, UTC)
    again.retire(int(day.timestamp() * 1000))
    again.vacuum()
    left = set((tmp_path / "index" / "default").iterdir())
    assert left < set(blocks)
