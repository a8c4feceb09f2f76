"""A copy of the tables is of one version, whoever writes and tidies up meanwhile."""

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.support.warehouse_rows import row
from warehouse.copying import copy, pin, put
from warehouse.delta import AliasRow, Warehouse
from warehouse.question.scope import Scope


def into(folder: Path) -> Callable[[str, Callable[[], BinaryIO]], None]:
    def add(name: str, opened: Callable[[], BinaryIO]) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened() as source:
            path.write_bytes(source.read())

    return add


def filled(path: Path, commits: int, before: int = 0) -> Warehouse:
    """One row, one alias and one position further with each commit."""
    warehouse = Warehouse(str(path))
    warehouse.positions("events")
    for n in range(before, before + commits):
        alias = AliasRow("default", "profile", f"v:{n}", "u:1", n)
        warehouse.append([row(id=f"e{n}")], [alias], {("events", 0): n})
    return warehouse


def ids(warehouse: Warehouse) -> list[int]:
    rows = warehouse.rows("select id from events", Scope("default", bots=True))
    return sorted(int(each["id"][1:]) for each in rows)


# A checkpoint is written with each twentieth commit.
@pytest.mark.parametrize("commits", [1, 19, 20, 21, 22, 45])
def test_what_is_copied_is_what_was_pinned(tmp_path: Path, commits: int) -> None:
    warehouse = filled(tmp_path / "live", commits)
    pinned = pin(warehouse)
    filled(tmp_path / "live", 3, before=commits)
    copy(warehouse, pinned, into(tmp_path / "copy"))
    copied = Warehouse(str(tmp_path / "copy"))
    assert ids(copied) == list(range(commits))
    assert copied.positions("events") == {0: commits - 1}
    assert copied.former("default", {"u:1"}) == {"u:1", *(f"v:{n}" for n in range(commits))}
    copied.append([row(id=f"e{commits}")], [], {("events", 0): commits})  # and it goes on from there
    assert ids(copied) == list(range(commits + 1))


def test_tables_without_a_commit_are_copied_as_none(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "live"))
    copy(warehouse, pin(warehouse), into(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_a_copy_that_compaction_overtakes_is_whole_until_files_go(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "live", 12)
    pinned = pin(warehouse)
    warehouse.compact()
    copy(warehouse, pinned, into(tmp_path / "copy"))
    assert ids(Warehouse(str(tmp_path / "copy"))) == list(range(12))
    warehouse.vacuum(0)
    with pytest.raises(FileNotFoundError):
        copy(warehouse, pinned, into(tmp_path / "late"))
    copy(warehouse, pin(warehouse), into(tmp_path / "again"))
    assert ids(Warehouse(str(tmp_path / "again"))) == list(range(12))


def test_a_log_that_was_cleaned_meanwhile_is_no_copy(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "live", 25)
    pinned = pin(warehouse)
    (tmp_path / "live" / "events" / "_delta_log" / f"{pinned.events - 1:020d}.json").unlink()
    with pytest.raises(FileNotFoundError, match="no version"):
        copy(warehouse, pinned, into(tmp_path / "copy"))


def test_a_table_is_put_with_its_log_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = filled(tmp_path / "live", 5)
    copy(warehouse, pin(warehouse), into(tmp_path / "copy"))
    (tmp_path / "store").mkdir()
    put(tmp_path / "copy", str(tmp_path / "store"))
    assert ids(Warehouse(str(tmp_path / "store"))) == list(range(5))
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store").mkdir()
    files, real = count(), Path.read_bytes

    def cut(path: Path) -> bytes:
        if next(files) == 10:  # five files of each table: all data, no commit
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", cut)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path / "copy", str(tmp_path / "store"))
    assert not list((tmp_path / "store").rglob("*.json"))
