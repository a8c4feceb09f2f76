"""Appends to real Delta tables on disk: exact under concurrency, kills and stale workers."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import AliasRow, PositionsMoved, RowsInvalid, Warehouse
from warehouse.tables.rows import arrow
from warehouse.tables.schema import EVENTS, EventRow


def stored(path: Path) -> pa.Table:
    return DeltaTable(str(path / "events")).to_pyarrow_table()


def test_there_are_no_positions_before_the_first_commit(tmp_path: Path) -> None:
    assert Warehouse(str(tmp_path)).positions("events") == {}


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    items = [{"product": "p1", "category": "shoes", "quantity": 2.0, "price": 9.5}]
    first = row(product="p1", items=items, revenue=19.0, title="단골 <b>", props='{"a":1}')
    Warehouse(str(tmp_path)).append([first], [], {})
    (back,) = stored(tmp_path).to_pylist()
    assert EventRow(**back) == first


def test_positions_come_back_per_app_and_partition(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([row()], [], {("events", 0): 7, ("events", 5): 2**62})
    warehouse.append([row()], [], {("import:a", 0): 3})
    for reader in (warehouse, Warehouse(str(tmp_path))):
        assert reader.positions("events") == {0: 7, 5: 2**62}
        assert reader.positions("import:a") == {0: 3}


def test_a_batch_that_was_filtered_to_nothing_still_moves_the_positions(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([], [], {("events", 0): 7})
    assert warehouse.positions("events") == {0: 7}
    assert stored(tmp_path).num_rows == 0


def test_aliases_are_stored(tmp_path: Path) -> None:
    Warehouse(str(tmp_path)).append([], [AliasRow("default", "profile", "a", "u", 5)], {})
    assert DeltaTable(str(tmp_path / "aliases")).to_pyarrow_table().to_pylist() == [
        {"site": "default", "kind": "profile", "old": "a", "new": "u", "ts": 5}
    ]


@pytest.mark.parametrize("zombie_reads_log_first", [False, True])
def test_a_zombie_cannot_append_what_its_successor_did(tmp_path: Path, zombie_reads_log_first: bool) -> None:
    zombie, successor = Warehouse(str(tmp_path)), Warehouse(str(tmp_path))
    zombie.append([row(id="e1")], [], {("events", 0): 100})
    assert successor.positions("events") == {0: 100}
    successor.append([row(id="e2")], [], {("events", 0): 150})
    if zombie_reads_log_first:
        zombie.events.refresh()
    with pytest.raises(PositionsMoved) as refused:
        zombie.append([row(id="e2"), row(id="e3")], [], {("events", 0): 200})
    assert refused.value.moved == {("events", 0): 150}
    assert zombie.positions("events") == {0: 150}
    zombie.append([row(id="e3")], [], {("events", 0): 200})
    assert sorted(stored(tmp_path)["id"].to_pylist()) == ["e1", "e2", "e3"]


def test_a_worker_that_never_read_positions_is_refused(tmp_path: Path) -> None:
    Warehouse(str(tmp_path)).append([row()], [], {("events", 0): 1})
    with pytest.raises(PositionsMoved):
        Warehouse(str(tmp_path)).append([row()], [], {("events", 0): 2})


def test_partitions_of_other_workers_do_not_conflict(tmp_path: Path) -> None:
    one, other = Warehouse(str(tmp_path)), Warehouse(str(tmp_path))
    for step in range(5):
        one.append([row()], [], {("events", 0): step})
        other.append([row()], [], {("events", 1): step})
    assert one.positions("events") == {0: 4, 1: 4}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ts": "soon"}, "int"),
        ({"ts": 2**70}, "int"),
        ({"session": None}, "session is missing"),
        ({"title": "\ud800"}, "surrogate"),
        ({"items": "no list"}, ""),
    ],
)
def test_rows_that_no_column_can_hold_are_named(changes: Mapping[str, Any], reason: str) -> None:
    with pytest.raises(RowsInvalid) as refused:
        arrow([row(), row()._replace(**changes), row()])
    assert list(refused.value.reasons) == [1]
    assert reason in refused.value.reasons[1]


def test_a_batch_of_bad_rows_is_one_short_line() -> None:
    with pytest.raises(RowsInvalid) as refused:
        arrow([row()._replace(ts="soon")] * 2_000)
    assert len(refused.value.reasons) == 2_000
    assert str(refused.value).endswith("and 1,997 more") and len(str(refused.value)) < 500


def test_a_new_nullable_column_needs_no_rewrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Warehouse(str(tmp_path))
    old.append([row(id="old")], [], {})
    before = set(tmp_path.rglob("*.parquet"))
    wider = EVENTS.insert(5, pa.field("weather", pa.string()))
    new = Warehouse(str(tmp_path))
    new.events.append(arrow([row(id="new")]).add_column(5, wider.field(5), pa.array(["Seoul"])), ())
    old.append([row(id="old release still writing")], [], {})
    assert before <= set(tmp_path.rglob("*.parquet"))
    back = stored(tmp_path)
    assert dict(zip(back["id"].to_pylist(), back["weather"].to_pylist(), strict=True)) == {
        "old": None,
        "new": "Seoul",
        "old release still writing": None,
    }


def test_the_log_stays_small_and_positions_survive_its_cleaning(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([row()], [], {("events", 1): 9})
    warehouse.events.create().alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    stale = Warehouse(str(tmp_path))
    assert stale.positions("events") == {1: 9}
    for step in range(65):
        warehouse.append([row()], [], {("events", 0): step})
    warehouse.vacuum()
    assert len(list((tmp_path / "events" / "_delta_log").iterdir())) < 30
    assert Warehouse(str(tmp_path)).positions("events") == {0: 64, 1: 9}
    with pytest.raises(PositionsMoved):
        stale.append([row()], [], {("events", 0): 1})
    stale.append([row()], [], {("events", 1): 10})
    assert stale.positions("events") == {0: 64, 1: 10}


# Worker processes: each event of a partition carries its offset as id.


def worker(path: str, partition: int, offsets: int, pause: float) -> None:
    """Append offsets 0…n-1 of a partition in batches of one to five, resuming where the table says."""
    warehouse = Warehouse(path)
    at = warehouse.positions("events").get(partition, -1) + 1
    while at < offsets:
        end = min(offsets, at + random.randint(1, 5))
        rows = [row(ts=NOON + offset, id=f"{partition}-{offset}") for offset in range(at, end)]
        try:
            warehouse.append(rows, [], {("events", partition): end - 1})
            at = end
        except PositionsMoved:
            at = warehouse.positions("events").get(partition, -1) + 1
        time.sleep(pause)


def start(path: Path, partition: int, offsets: int, pause: float = 0.0) -> Any:
    process = multiprocessing.get_context("spawn").Process(
        target=worker, args=(str(path), partition, offsets, pause)
    )
    process.start()
    return process


def expect_each_offset_once(path: Path, partitions: int, offsets: int) -> None:
    ids = stored(path)["id"].to_pylist()
    assert sorted(ids) == sorted(f"{part}-{at}" for part in range(partitions) for at in range(offsets))


def test_processes_that_append_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    # Partition 0 has two owners, as when a rebalance declared one of them dead.
    workers = [start(tmp_path, partition, 60) for partition in (0, 0, 1, 2)]
    for process in workers:
        process.join(120)
        assert process.exitcode == 0
    expect_each_offset_once(tmp_path, 3, 60)
    assert Warehouse(str(tmp_path)).positions("events") == {0: 59, 1: 59, 2: 59}


def test_kill_9_in_the_middle_of_appends(tmp_path: Path) -> None:
    chance = random.Random(4)
    for _ in range(8):
        process = start(tmp_path, 0, 10_000)
        deadline = time.monotonic() + 30
        grown = len(list(tmp_path.rglob("*.json")))
        while len(list(tmp_path.rglob("*.json"))) < grown + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join(10)
    at = Warehouse(str(tmp_path)).positions("events")[0]
    expect_each_offset_once(tmp_path, 1, at + 1)
    assert at > 8


def test_a_day_is_a_partition(tmp_path: Path) -> None:
    Warehouse(str(tmp_path)).append([row(NOON), row(NOON + DAY_MS)], [], {})
    days = {file.day for file in Warehouse(str(tmp_path)).events.files()[1]}
    assert days == {date(2026, 11, 1), date(2026, 11, 2)}
