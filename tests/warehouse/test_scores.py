"""The table of scores: one snapshot a day and site, whoever writes; gone with the person, the retention, the week."""

import threading
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from tests.support.score_rows import noon, snapshot
from tests.support.warehouse_rows import row
from tracker.durations import DAY_MS
from warehouse.copying import copy, pin
from warehouse.delta import AliasRow, Warehouse
from warehouse.question.scope import Scope
from warehouse.tables.files import LiveFile
from warehouse.tables.integrity import deep
from warehouse.tables.schema import SCORES
from warehouse.tables.scores import DAILY, surplus

MONDAY = date(2026, 3, 2)
ALL = Scope("default")


def kept(warehouse: Warehouse, site: str = "default") -> list[tuple[date, str]]:
    rows = warehouse.rows("select day, profile from scores order by all", Scope(site))
    return [(each["day"], each["profile"]) for each in rows]


def test_a_day_is_recorded_once_for_each_site(tmp_path: Path) -> None:
    first, second = Warehouse(str(tmp_path)), Warehouse(str(tmp_path))
    assert first.record_scores("default", MONDAY, snapshot(MONDAY, "u:a", "u:b"))
    assert not second.record_scores("default", MONDAY, snapshot(MONDAY, "u:a", "u:c"))
    assert not second.record_scores("default", MONDAY, snapshot(MONDAY, "u:c", ts=noon(MONDAY) - 1)), (
        "of an earlier run"
    )
    assert second.record_scores("shop2", MONDAY, snapshot(MONDAY, "u:a", site="shop2"))
    assert first.record_scores(
        "default", MONDAY + timedelta(days=1), snapshot(MONDAY + timedelta(days=1), "u:a")
    )
    assert kept(first) == [(MONDAY, "u:a"), (MONDAY, "u:b"), (MONDAY + timedelta(days=1), "u:a")]
    assert kept(second, "shop2") == [(MONDAY, "u:a")]


def test_a_later_run_of_the_day_takes_the_place_of_the_earlier(tmp_path: Path) -> None:
    """Also where the earlier release wrote fewer columns; runs at the same time leave one of them."""
    first = Warehouse(str(tmp_path))
    before = snapshot(MONDAY, "u:a", "u:b").drop_columns(["risk", "risk_days", "refuses"])
    first.scores.append(before, [])
    assert first.record_scores("shop2", MONDAY, snapshot(MONDAY, "u:z", site="shop2"))
    gate = threading.Barrier(3)

    def run(number: int) -> None:
        warehouse = Warehouse(str(tmp_path))
        rows = snapshot(MONDAY, f"u:{number}", "u:c", ts=noon(MONDAY) + number, risk=0.5, risk_days=60)
        gate.wait()
        warehouse.record_scores("default", MONDAY, rows)

    threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Warehouse(str(tmp_path)).rows("select profile, risk_days from scores order by 1", ALL)
    assert found == [{"profile": "u:3", "risk_days": 60}, {"profile": "u:c", "risk_days": 60}], "the newest"
    assert kept(first, "shop2") == [(MONDAY, "u:z")]


def test_runs_at_the_same_time_write_one_snapshot(tmp_path: Path) -> None:
    Warehouse(str(tmp_path)).record_scores("default", MONDAY - timedelta(days=1), snapshot(MONDAY, "u:z"))
    done: list[bool] = []
    gate = threading.Barrier(4)

    def run() -> None:
        warehouse = Warehouse(str(tmp_path))
        warehouse.scores.refresh()
        gate.wait()
        done.append(
            warehouse.record_scores(
                "default", MONDAY + timedelta(days=3), snapshot(MONDAY + timedelta(days=3), "u:a")
            )
        )

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert kept(Warehouse(str(tmp_path)))[1:] == [(MONDAY + timedelta(days=3), "u:a")]


def test_after_a_clock_that_was_ahead_days_go_on(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    ahead = MONDAY + timedelta(days=400)
    for day in (ahead, MONDAY, MONDAY + timedelta(days=1)):
        assert warehouse.record_scores("default", day, snapshot(day, "u:a"))
    assert [day for day, _ in kept(warehouse)] == [MONDAY, MONDAY + timedelta(days=1), ahead]


def test_a_person_leaves_the_scores_of_every_day_and_file(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append(
        [row(profile="v:secret-cookie")],
        [AliasRow("default", "profile", "v:secret-cookie", "u:secret", 1)],
        {},
    )
    for days in (0, 1, 2):
        day = MONDAY + timedelta(days=days)
        warehouse.record_scores(
            "default", day, snapshot(day, "u:a", "u:secret" if days else "v:secret-cookie")
        )
    warehouse.record_scores("shop2", MONDAY, snapshot(MONDAY, "u:secret", site="shop2"))
    warehouse.erase("default", ["u:secret"], until=noon(MONDAY + timedelta(days=1)))
    assert [name for _, name in kept(warehouse)] == ["u:a", "u:a", "u:a", "u:secret"], (
        "what came later is another's"
    )
    warehouse.erase("default", ["u:secret"])
    assert [name for _, name in kept(warehouse)] == ["u:a"] * 3
    assert kept(warehouse, "shop2") == [(MONDAY, "u:secret")]
    warehouse.erase("shop2", ["u:secret"])
    for file in (tmp_path / "scores").rglob("*"):
        if file.is_file():
            assert b"secret" not in file.read_bytes(), file
            assert (
                file.suffix != ".parquet"
                or "_delta_log" in file.parts
                or "secret" not in str(pq.read_table(file))
            )
    assert warehouse.record_scores("shop2", MONDAY, snapshot(MONDAY, "u:b", site="shop2")), (
        "nobody of that day is left"
    )


def test_merged_customers_are_one_row_a_day(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.record_scores(
        "default", MONDAY, pa.concat_tables([snapshot(MONDAY, "u:a", f=2), snapshot(MONDAY, "u:b", f=5)])
    )
    assert kept(warehouse) == [(MONDAY, "u:a"), (MONDAY, "u:b")]
    warehouse.append([], [AliasRow("default", "merge", "u:b", "u:a", 1)], {})
    assert warehouse.rows("select profile, f from scores", ALL) == [{"profile": "u:a", "f": 5}]
    assert warehouse.rows("select f from scores", Scope("default", person="u:a")) == [{"f": 5}]
    assert warehouse.rows("select f from scores", Scope("default", person="u:c")) == []


def test_retention_forgets_scores_of_those_days(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for days in range(3):
        day = MONDAY + timedelta(days=days)
        warehouse.record_scores("default", day, snapshot(day, "u:a"))
    warehouse.retire(noon(MONDAY + timedelta(days=2)))
    assert kept(warehouse) == [(MONDAY + timedelta(days=2), "u:a")]


def test_old_snapshots_stay_weekly(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    days = [MONDAY + timedelta(days=each) for each in range(60) if each != 7]
    for day in days:
        warehouse.record_scores("default", day, snapshot(day, "u:a"))
    today = days[-1]
    assert warehouse.thin(today) == 19
    left = [day for day, _ in kept(warehouse)]
    assert left == [*(MONDAY + timedelta(days=each) for each in (0, 8, 14, 21)), *days[-36:]]
    assert warehouse.thin(today) == 0
    assert warehouse.thin(today + timedelta(days=999)) == 0, "the clock is ahead"


files = st.lists(st.tuples(st.integers(0, 120), st.sampled_from(["a", "b"])), unique=True, max_size=60)


@given(files, st.integers(0, 160), st.integers(0, 9))
def test_of_every_week_one_day_stays_and_of_the_last_five_all(
    days: list[tuple[int, str]], at: int, later: int
) -> None:
    today = MONDAY + timedelta(days=at)
    live = [
        LiveFile("", f"{site}{day}", 1, MONDAY + timedelta(days=day), 1, 0, 0, site) for day, site in days
    ]

    def old(file: LiveFile) -> bool:
        return bool(file.day and file.day < today - DAILY)

    gone = {file.path for file in surplus(live, today)}
    assert all(old(file) for file in live if file.path in gone)
    weeks = {(file.site, file.day.isocalendar()[:2]) for file in live if file.day and old(file)}
    stay = [file for file in live if old(file) and file.path not in gone]
    assert (
        len(stay) == len(weeks) == len({(file.site, file.day.isocalendar()[:2]) for file in stay if file.day})
    )
    # Thinned every day or once, the same stays.
    again = [file for file in live if file.path not in gone]
    then = today + timedelta(days=later)
    once = {file.path for file in live} - {file.path for file in surplus(live, then)}
    assert {file.path for file in again} - {file.path for file in surplus(again, then)} == once


def test_a_copy_has_the_scores(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "live"))
    warehouse.append([row()], [], {})
    warehouse.record_scores("default", MONDAY, snapshot(MONDAY, "u:a"))

    def add(name: str, opened) -> None:  # type: ignore[no-untyped-def]
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened() as source:
            path.write_bytes(source.read())

    pinned = pin(warehouse)
    warehouse.record_scores(
        "default", MONDAY + timedelta(days=1), snapshot(MONDAY + timedelta(days=1), "u:a")
    )
    copy(warehouse, pinned, add)
    assert kept(Warehouse(str(tmp_path / "copy"))) == [(MONDAY, "u:a")]


def test_columns_of_a_later_release_join_the_table(tmp_path: Path) -> None:
    earlier = pa.schema([field for field in SCORES if field.name not in ("contribution", "quadrant")])
    DeltaTable.create(str(tmp_path / "scores"), earlier, partition_by=["day"])
    old = snapshot(MONDAY, "u:a").select(earlier.names)
    warehouse = Warehouse(str(tmp_path))
    warehouse.scores.append(old, [])
    day = MONDAY + timedelta(days=1)
    assert warehouse.record_scores(
        "default", day, snapshot(day, "u:a", contribution=5.0, quadrant="one-to-one")
    )
    rows = Warehouse(str(tmp_path)).rows(
        "select contribution as c, quadrant as q from scores order by day", ALL
    )
    assert rows == [{"c": None, "q": None}, {"c": 5.0, "q": "one-to-one"}]


def test_reports_go_on_without_a_damaged_snapshot_and_say_so(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for days in range(2):
        day = MONDAY + timedelta(days=days)
        warehouse.record_scores("default", day, snapshot(day, "u:a"))
    path = next((tmp_path / "scores" / f"day={MONDAY}").glob("*.parquet"))
    path.write_bytes(b"\0" * path.stat().st_size)
    said = []
    warehouse.on_damage = said.extend
    assert kept(warehouse) == [(MONDAY + timedelta(days=1), "u:a")]
    assert [(each.table, each.day) for each in said] == [("scores", str(MONDAY))]
    assert [each.table for each in deep(warehouse.scores)] == ["scores"]


@pytest.mark.parametrize("start", [noon(MONDAY), noon(MONDAY) + 1])
def test_a_scope_sees_the_snapshots_made_in_it(tmp_path: Path, start: int) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.record_scores("default", MONDAY, snapshot(MONDAY, "u:a"))
    found = warehouse.rows("select 1 as one from scores", Scope("default", start, start + DAY_MS))
    assert len(found) == (start == noon(MONDAY))
