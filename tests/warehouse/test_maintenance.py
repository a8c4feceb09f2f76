"""Upkeep on real tables: counts stay, small files go, a person leaves no trace in any file."""

import threading
from pathlib import Path

from deltalake import DeltaTable

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import AliasRow, Warehouse
from warehouse.question.scope import Scope

ALL = Scope("default", bots=True)


def ids(warehouse: Warehouse) -> list[str]:
    return [found["id"] for found in warehouse.engine.rows("select id from events order by id", ALL)]


def parquet(path: Path) -> list[Path]:
    return list(path.rglob("part-*.parquet"))


def test_upkeep_of_nothing_is_nothing(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    assert (warehouse.compact(), warehouse.vacuum(), warehouse.retire(NOON), warehouse.erase("s", ["p"])) == (
        0,
    ) * 4


def test_compaction_makes_one_file_a_day_and_vacuum_deletes_the_small_ones(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for at in range(6):
        warehouse.append(
            [row(NOON + at, id=f"a{at}"), row(NOON + DAY_MS, id=f"b{at}")], [], {("events", 0): at}
        )
    before = ids(warehouse)
    assert warehouse.compact() == 10
    assert len(warehouse.events.files()[1]) == 2
    assert warehouse.vacuum() == 0  # a reader may still be at them
    assert len(parquet(tmp_path)) == 14
    assert warehouse.vacuum(hours=0) == 12
    assert ids(warehouse) == before
    assert Warehouse(str(tmp_path)).positions("events") == {0: 5}


def test_vacuum_deletes_what_a_killed_writer_left(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([row()], [], {})
    orphan = parquet(tmp_path)[0].with_name("part-orphan-c000.zstd.parquet")
    orphan.write_bytes(parquet(tmp_path)[0].read_bytes())
    warehouse.vacuum(hours=0)
    assert not orphan.exists()
    assert len(ids(warehouse)) == 1


def test_repeated_aliases_shrink_to_what_counts(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for ts in (5, 3, 9, 7):
        profile, session = (
            AliasRow("default", "profile", "a", "u", ts),
            AliasRow("default", "session", "s", "t", ts),
        )
        warehouse.append([], [profile, session], {})
    warehouse.compact()
    rows = DeltaTable(str(tmp_path / "aliases")).to_pyarrow_table().to_pylist()
    assert sorted((found["kind"], found["ts"]) for found in rows) == [("profile", 3), ("session", 9)]


def test_retire_forgets_whole_days_only(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append(
        [row(NOON, id="old"), row(NOON + DAY_MS, id="cut"), row(NOON + 2 * DAY_MS, id="new")], [], {}
    )
    assert warehouse.retire(NOON + DAY_MS) == 1
    assert ids(warehouse) == ["cut", "new"]


def erased(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(str(tmp_path))
    gone = {"title": "secret-title", "props": '{"a":"secret-prop"}'}
    warehouse.append(
        [
            row(NOON, id="1", profile="v:secret-cookie", visitor="secret-cookie", session="secret-s", **gone),
            row(NOON + 1, id="2", profile="v:other", visitor="other"),
            row(
                NOON + DAY_MS,
                id="3",
                profile="u:secret-user",
                visitor=None,
                user="secret-user",
                session="secret-t",
            ),
            row(NOON + DAY_MS, id="4", profile="u:secret-user", visitor="secret-phone", session="secret-u"),
            row(NOON + 2 * DAY_MS, id="5", site="shop2", profile="v:x"),
        ],
        [
            AliasRow("default", "profile", "v:secret-cookie", "v:secret-b", 1),
            AliasRow("default", "profile", "v:secret-b", "u:secret-user", 1),
            AliasRow("default", "session", "secret-s", "secret-t", 1),
            AliasRow("default", "profile", "v:kept", "u:kept", 1),
        ],
        {("events", 0): 7},
    )
    assert warehouse.erase("default", ["u:secret-user"]) == 3
    return warehouse


def test_a_person_leaves_no_trace_in_any_file(tmp_path: Path) -> None:
    warehouse = erased(tmp_path)
    assert ids(warehouse) == ["2"]
    assert warehouse.engine.rows("select id from events", Scope("shop2")) == [{"id": "5"}]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"secret" not in file.read_bytes(), file
            if file.name.startswith("part-"):
                import pyarrow.parquet as pq

                assert "secret" not in str(pq.read_table(file).to_pylist())
    names = DeltaTable(str(tmp_path / "aliases")).to_pyarrow_table()
    assert names["old"].to_pylist() == ["v:kept"]


def test_appends_go_on_after_an_erasure(tmp_path: Path) -> None:
    warehouse = erased(tmp_path)
    warehouse.append([row(id="6")], [], {("events", 0): 8})
    assert ids(warehouse) == ["2", "6"]
    assert Warehouse(str(tmp_path)).positions("events") == {0: 8}


def test_of_a_customer_whom_a_browser_fed_only_its_own_events_go(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    rows = [row(id="1", profile="u:o'brien", visitor="c1"), row(id="2", profile="u:o'brien", visitor="c2")]
    warehouse.append([*rows, row(id="3", profile="u:c", visitor="c1"), row(id="4", profile="v:c1")], [], {})
    assert warehouse.erase("default", ["v:c1"], browsers=["c1"], fed=["u:o'brien"]) == 2
    assert ids(warehouse) == ["2", "3"]


def test_erasure_and_compaction_beside_appends(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for at in range(30):
        warehouse.append([row(id=f"e{at}", profile=f"p{at % 3}")], [], {("events", 0): at})
    stop = threading.Event()
    appended = []

    def append() -> None:
        at = 30
        while not stop.is_set():
            warehouse.append([row(id=f"e{at}", profile="p9")], [], {("events", 0): at})
            appended.append(at)
            at += 1

    def compact() -> None:
        other = Warehouse(str(tmp_path))
        while not stop.is_set():
            other.compact()

    threads = [threading.Thread(target=append), threading.Thread(target=compact)]
    for thread in threads:
        thread.start()
    try:
        assert Warehouse(str(tmp_path)).erase("default", ["p1"]) == 10
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    found = ids(warehouse)
    assert sorted(found) == sorted(
        [f"e{at}" for at in range(30) if at % 3 != 1] + [f"e{at}" for at in appended]
    )


def test_two_erasures_at_once(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for at in range(20):
        names = [AliasRow("default", "profile", f"v:{at}", f"p{at % 4}", at)]
        warehouse.append([row(id=f"e{at}", profile=f"p{at % 4}")], names, {("events", 0): at})
    gone: list[int] = []
    threads = [
        threading.Thread(target=lambda who=who: gone.append(Warehouse(str(tmp_path)).erase("default", [who])))
        for who in ("p0", "p1", "p1", "p2")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(gone) == 4 and sum(gone) == 15
    assert ids(warehouse) == sorted(f"e{at}" for at in range(20) if at % 4 == 3)
    assert warehouse.former("default", ["p3"]) == {"p3", "v:3", "v:7", "v:11", "v:15", "v:19"}
    assert warehouse.former("default", ["p1"]) == {"p1"}
