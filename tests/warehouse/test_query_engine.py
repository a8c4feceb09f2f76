"""What queries see: live files only, current ids, no bots; unharmed by what rewrites the files."""

import threading
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import AliasRow, PathUnusable, Warehouse
from warehouse.query_engine import QueryEngine
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.reports.overview import overview

ALL = Scope("default")


def ids(warehouse: Warehouse, scope: Scope = ALL) -> list[Any]:
    return [found["id"] for found in warehouse.engine.rows("select id from events order by id", scope)]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path))


def test_a_warehouse_without_tables_is_empty(warehouse: Warehouse) -> None:
    assert warehouse.engine.rows("select count(*) as n, max(revenue) as r from events", ALL) == [
        {"n": 0, "r": None}
    ]


def test_a_query_sees_the_latest_commit_of_its_site_and_time(warehouse: Warehouse) -> None:
    warehouse.append([row(id="a"), row(id="b", site="other")], [], {})
    assert ids(warehouse) == ["a"]
    warehouse.append([row(NOON + DAY_MS, id="c")], [], {})
    assert ids(warehouse) == ["a", "c"]
    assert ids(warehouse, Scope("default", start=NOON + 1)) == ["c"]
    assert ids(warehouse, Scope("default", end=NOON)) == []
    assert ids(warehouse, Scope("default", end=NOON + 1)) == ["a"]


def test_bots_are_left_out_unless_asked_for(warehouse: Warehouse) -> None:
    warehouse.append([row(id="a"), row(id="b", bot=True)], [], {})
    assert ids(warehouse) == ["a"]
    assert ids(warehouse, Scope("default", bots=True)) == ["a", "b"]


def test_a_condition_takes_parameters(warehouse: Warehouse) -> None:
    warehouse.append([row(id="a", channel="o'brien"), row(id="b")], [], {})
    scope = Scope("default", where="channel = $channel", params=(("channel", "o'brien"),))
    assert ids(warehouse, scope) == ["a"]


@pytest.mark.parametrize("folder", ["plain", "a b", "what?*{x}", "단골"])
def test_a_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    warehouse = Warehouse(str(tmp_path / folder))
    warehouse.append([row(id="a"), row(NOON + DAY_MS, id="b")], [], {})
    assert ids(warehouse) == ["a", "b"]
    assert ids(warehouse, Scope("default", end=NOON + 1)) == ["a"]


@pytest.mark.parametrize("folder", ["pr%20cent", "br[ack]ets"])
def test_a_folder_on_which_delta_would_abort_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(PathUnusable, match=r"\[" if "[" in folder else "%"):
        Warehouse(str(tmp_path / folder))


def test_files_are_read_through_delta_where_duckdb_cannot(warehouse: Warehouse) -> None:
    warehouse.append([row(id="a"), row(NOON + DAY_MS, id="b", bot=True)], [], {})
    warehouse.engine.local = False  # as on object storage
    assert ids(warehouse) == ["a"]
    assert ids(warehouse, Scope("default", start=NOON + 1, bots=True)) == ["b"]


@pytest.mark.parametrize("folder", ["plain", "what?*{x}"])
@pytest.mark.parametrize("local", [True, False])
def test_each_file_of_a_day_counts_once(
    tmp_path: Path, folder: str, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.index.scan_cache.OWN_FILE_ROWS", 3)  # each file has a block of its own
    warehouse = Warehouse(str(tmp_path / folder))
    warehouse.engine.local = local
    span = Span(NOON, NOON + DAY_MS, ZoneInfo("UTC"))
    for number in range(3):
        order = {"name": "Order Completed", "type": "track", "order": f"o{number}", "revenue": 5.0}
        pages = [row(NOON + 10 * number + at, id=f"{number}-{at}") for at in range(4)]
        warehouse.append([*pages, row(NOON + 10 * number + 5, id=f"o{number}", **order)], [], {})
        found = overview(warehouse, "default", span, "EUR")
        assert (found.events, found.orders, found.revenue) == (
            5 * (number + 1),
            number + 1,
            5.0 * (number + 1),
        )


def people(warehouse: Warehouse) -> dict[str, str]:
    found = warehouse.engine.rows("select id, profile from events", ALL)
    return {each["id"]: each["profile"] for each in found}


def test_profiles_are_the_current_ones(warehouse: Warehouse) -> None:
    rows = [row(id=name, profile=name) for name in ("a", "b", "c", "d", "x")]
    warehouse.append(rows, [AliasRow("default", "profile", "a", "b", 1)], {})
    assert people(warehouse) == {"a": "b", "b": "b", "c": "c", "d": "d", "x": "x"}
    chain = [AliasRow("default", "profile", "c", "d", 2), AliasRow("default", "profile", "b", "c", 3)]
    other = [AliasRow("other", "profile", "x", "a", 2), AliasRow("default", "session", "x", "a", 2)]
    warehouse.append([], chain + other, {})
    assert people(warehouse) == {"a": "d", "b": "d", "c": "d", "d": "d", "x": "x"}


def test_a_profile_is_merged_once_whatever_replays_say(warehouse: Warehouse) -> None:
    said = [AliasRow("default", "profile", "a", to, ts) for to, ts in (("u1", 5), ("u1", 5), ("u2", 9))]
    warehouse.append([row(id="1", profile="a")], said, {})
    assert people(warehouse) == {"1": "u1"}


def test_of_a_session_cut_anew_the_last_word_counts(warehouse: Warehouse) -> None:
    said = [AliasRow("default", "session", "s1", to, ts) for to, ts in (("s2", 5), ("s3", 9))]
    warehouse.append([row(session="s1"), row(session="s2")], said, {})
    sessions = warehouse.engine.rows("select session from events order by all", ALL)
    assert sessions == [{"session": "s2"}, {"session": "s3"}]


@pytest.mark.parametrize("length", [2, 3, 7])
def test_a_circle_of_aliases_is_one_person(warehouse: Warehouse, length: int) -> None:
    names = [f"p{number}" for number in range(length)]
    circle = [
        AliasRow("default", "profile", name, names[(number + 1) % length], 1)
        for number, name in enumerate(names)
    ]
    tail = [AliasRow("default", "profile", "a0", "a1", 1), AliasRow("default", "profile", "a1", "p1", 1)]
    rows = [row(id=name, profile=name) for name in (*names, "a0", "a1", "p9")]
    warehouse.append(rows, circle + tail, {})
    expected = dict.fromkeys([*names, "a0", "a1"], "p0") | {"p9": "p9"}
    assert people(warehouse) == expected


def test_a_long_chain_is_followed_to_its_end(warehouse: Warehouse) -> None:
    chain = [AliasRow("default", "profile", f"p{at}", f"p{at + 1}", at) for at in range(300)]
    warehouse.append([row(id="first", profile="p0")], chain, {})
    assert people(warehouse) == {"first": "p300"}


def test_readers_see_all_rows_while_files_are_rewritten(warehouse: Warehouse) -> None:
    rows = 0
    for _ in range(10):
        warehouse.append([row(id=f"e{rows + at}") for at in range(10)], [], {})
        rows += 10
    stop, seen = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            (found,) = warehouse.engine.rows("select count(*) n, count(distinct id) d from events", ALL)
            seen.append((found["n"], found["d"]))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        delta = warehouse.events.refresh()
        delta.optimize.compact()
        delta.vacuum(0, dry_run=False, enforce_retention_duration=False)  # far harsher than the schedule
        for _ in range(3):
            warehouse.append([row(id=f"e{rows}")], [], {})
            rows += 1
    stop.set()
    for reader in readers:
        reader.join(30)
    assert len(seen) > 10
    assert all(n == distinct and 100 <= n <= rows for n, distinct in seen)


def test_what_does_not_fit_into_memory_spills_beside_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "warehouse").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    engine = QueryEngine(str(tmp_path / "warehouse"), memory="150MB")
    text = "any_value(repeat('x', 60) || n)"
    sql = f"select n % 2000003 as n, {text} as text from range(4000000) r(n) group by 1 order by 2"
    assert engine.table(sql, Scope("default")).num_rows == 2_000_003
    assert list((tmp_path / "elsewhere").iterdir()) == []
