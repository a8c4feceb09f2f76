"""Damage on disk: it is found, and afterwards everything is there that any file still holds, once."""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope
from warehouse.tables import integrity, repair
from warehouse.tables.damage import Damage
from warehouse.tables.integrity import deep, look
from warehouse.tables.maintenance import Maintenance
from warehouse.tables.table import Table, WarehouseUnavailable

COMMITS = 10
ROWS = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days in small files, some compacted, some commits behind a checkpoint, some before."""
    folder = tmp_path_factory.mktemp("whole")
    warehouse = Warehouse(str(folder))
    for number in range(COMMITS):
        ts = NOON + number % 3 * DAY_MS
        rows = [row(ts, id=f"e{number}-{k}", visitor=f"v{k}", session=f"s{k}") for k in range(ROWS)]
        warehouse.append(rows, [], {("app", 0): number})
        if number == 1:
            warehouse.events.create().alter.set_table_properties({"delta.checkpointInterval": "4"})
        if number == 6:
            warehouse.events.create().optimize.compact(partition_filters=[("day", "=", str(rows[0].day))])
            warehouse.events.make_durable()
    assert not deep(table(folder))
    return folder


def table(folder: Path) -> Table:
    return Table(f"{folder}/events", Warehouse(str(folder)).events.schema, ["day"], None)


def ids(folder: Path) -> Counter[str]:
    """What reports count. Raises WarehouseUnavailable."""
    warehouse = Warehouse(str(folder))
    try:
        return Counter(each["id"] for each in warehouse.rows("select id from events", Scope("default")))
    finally:
        warehouse.engine.close()


def mended(folder: Path) -> tuple[list[str], list[Damage], list[Damage]]:
    events = table(folder)
    did = repair.begin(events)
    lost = repair.salvage(events)
    found = repair.take_in(events, None)
    repair.finish(events)
    return did, lost, found


Hurt = Callable[[Path, random.Random], None]


def emptied(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def truncated(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))] if content else b"")


def zeroed(path: Path, _: random.Random) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def part_zeroed(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    at = draw.randrange(max(1, len(content)))
    content[at : at + 512] = bytes(len(content[at : at + 512]))
    path.write_bytes(content)


def flipped(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def garbage(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.randbytes(200))


def line_lost(path: Path, draw: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:  # an earlier wound may have emptied it
        del lines[draw.randrange(len(lines))]
    path.write_bytes(b"".join(lines))


def gone(path: Path, _: random.Random) -> None:
    path.unlink()


HURTS: dict[str, Hurt] = {
    each.__name__: each
    for each in (emptied, truncated, zeroed, part_zeroed, flipped, garbage, line_lost, gone)
}
TARGETS: dict[str, str] = {
    "commit": "_delta_log/*.json",
    "checkpoint": "_delta_log/*.checkpoint.parquet",
    "hint": "_delta_log/_last_checkpoint",
    "file": "day=*/*.parquet",
    "sums": "_sums",
}


def live(folder: Path) -> dict[str, set[str]]:
    """The ids in each live file."""
    events = table(folder)
    return {
        file.path: set(pq.read_table(f"{folder}/events/{file.path}")["id"].to_pylist())
        for file in events.files()[1]
    }


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    wounds=st.lists(
        st.tuples(st.sampled_from(sorted(TARGETS)), st.sampled_from(sorted(HURTS))), min_size=1, max_size=3
    ),
)
def test_damage_is_never_silent_and_what_is_left_comes_back_once(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, seed: int, wounds: list[tuple[str, str]]
) -> None:
    folder, draw = tmp_path_factory.mktemp("hurt"), random.Random(seed)
    shutil.copytree(whole / "events", folder / "events")
    before, files, hurt = ids(folder), live(folder), set[str]()
    for target, how in wounds:
        paths = sorted((folder / "events").glob(TARGETS[target]))
        if paths:
            path = draw.choice(paths)
            was = path.read_bytes()
            HURTS[how](path, draw)
            if not path.exists() or path.read_bytes() != was:
                hurt.add(str(path.relative_to(folder / "events")))
    try:
        shown = ids(folder)
    except WarehouseUnavailable:
        shown = None
    found = deep(table(folder))
    assert shown == before or found, (hurt, shown and len(shown))
    _, lost, _ = mended(folder)
    after = ids(folder)
    assert not after or max(after.values()) == 1
    assert set(after) <= set(before)
    may_be_lost = set[str]().union(*(names for path, names in files.items() if path in hurt))
    assert set(before) - set(after) <= may_be_lost
    if not any(path.startswith("_delta_log") for path in hurt):
        assert sum(each.rows or 0 for each in lost) == len(before) - len(after)
    assert not deep(table(folder))
    Warehouse(str(folder)).append([row(NOON + DAY_MS, id="next")], [], {})
    assert ids(folder) == after + Counter(["next"])
    shutil.rmtree(folder)


@pytest.mark.parametrize("how", ["emptied", "truncated", "zeroed", "gone"])
@pytest.mark.parametrize("which", ["first", "middle", "newest"])
def test_a_commit_that_is_lost_costs_no_row(whole: Path, tmp_path: Path, how: str, which: str) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    before = ids(tmp_path)
    commits = sorted((tmp_path / "events" / "_delta_log").glob("*.json"))
    at = {"first": 0, "middle": len(commits) // 2, "newest": -1}[which]
    HURTS[how](commits[at], random.Random(1))
    if (which, how) != ("first", "gone"):  # before a checkpoint nobody needs it
        assert look(table(tmp_path))
    mended(tmp_path)
    assert ids(tmp_path) == before


def test_the_newest_commit_lost_stops_writers(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    sorted((tmp_path / "events" / "_delta_log").glob("*.json"))[-1].unlink()
    with pytest.raises(WarehouseUnavailable, match="doctor"):
        Warehouse(str(tmp_path)).positions("app")


@pytest.mark.parametrize(
    "content", [b"", b'{"add":{"path":"day', b'{"add":7}\n', b'{"add":{}}\n', bytes(300)]
)
def test_a_damaged_commit_that_a_checkpoint_replaced_stops_no_writer(
    whole: Path, tmp_path: Path, content: bytes
) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    before, commit = ids(tmp_path), tmp_path / "events" / "_delta_log" / f"{2:020}.json"
    commit.write_bytes(content)
    warehouse = Warehouse(str(tmp_path))
    assert warehouse.positions("app") == {0: COMMITS - 1}
    warehouse.append([row(NOON, id="next")], [], {("app", 0): COMMITS})
    assert ids(tmp_path) == before + Counter(["next"])
    assert [each.path for each in deep(table(tmp_path))] == [f"_delta_log/{commit.name}"]
    mended(tmp_path)
    assert ids(tmp_path) == before + Counter(["next"])
    assert not deep(table(tmp_path))


def test_the_log_gone_with_its_checkpoints_begins_anew_with_every_row(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    before, log = ids(tmp_path), tmp_path / "events" / "_delta_log"
    for version in range(5):  # cleaned up, as an hour later
        (log / f"{version:020}.json").unlink()
    for path in [*log.glob("*.checkpoint.parquet")]:
        path.write_bytes(b"")
    assert deep(table(tmp_path))
    mended(tmp_path)
    assert ids(tmp_path) == before
    assert not deep(table(tmp_path))


def test_rows_that_must_not_come_back_do_not(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    before = ids(tmp_path)
    sorted((tmp_path / "events" / "_delta_log").glob("*.json"))[-1].write_bytes(b"")
    events = table(tmp_path)
    repair.begin(events)
    repair.take_in(events, lambda rows: pc.equal(rows["visitor"], "v3"))
    missing = before - ids(tmp_path)
    assert set(missing) == {f"e{COMMITS - 1}-3"}


def test_a_damaged_table_is_not_vacuumed(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    sorted((tmp_path / "events" / "_delta_log").glob("*.json"))[-1].write_bytes(b"")
    files = set((tmp_path / "events").rglob("*.parquet"))
    with pytest.raises(WarehouseUnavailable, match="repair"):
        Maintenance(str(tmp_path)).vacuum(0)
    assert set((tmp_path / "events").rglob("*.parquet")) == files


def test_what_was_compacted_or_is_about_to_be_committed_is_no_damage(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "events", tmp_path / "events")
    events = table(tmp_path)
    from warehouse.tables.files import Folder
    from warehouse.tables.rows import arrow

    new = [row(NOON, id="in flight")]
    Folder(events.uri, None).write(arrow(new), new[0].day)
    assert not deep(table(tmp_path), settled=60.0)
    assert [each.kind for each in deep(table(tmp_path))] == ["stray"]
    assert integrity.look(table(tmp_path)) == []


def test_a_log_that_was_cleaned_is_no_damage(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([row(id="first")], [], {("app", 0): 0})
    cleaned = {"delta.logRetentionDuration": "interval 0 seconds", "delta.checkpointInterval": "7"}
    warehouse.events.create().alter.set_table_properties(cleaned)
    for number in range(40):
        warehouse.append([row(NOON + number, id=f"e{number}")], [], {("app", 0): number})
        if number % 9 == 8:
            warehouse.compact()
            warehouse.vacuum(0)
            assert not deep(table(tmp_path))
    assert len(list((tmp_path / "events" / "_delta_log").iterdir())) < 30
    assert len(integrity.sums(tmp_path / "events")) < 40
