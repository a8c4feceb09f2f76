"""Nothing is acknowledged to the log before it is on disk: data files first, then the commit that names them."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest
from deltalake import DeltaTable

from tests.support.ingest_streams import event, records, sites_of
from tests.support.machine import ROOT, python
from tests.support.warehouse_rows import NOON, row
from tracker import disk
from tracker.durations import DAY_MS
from tracker.log.open import open_log
from tracker.log.redis.streams import SCRIPTS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.tables import durable
from warehouse.tables.durable import Durable
from warehouse.tables.maintenance import Maintenance
from warehouse.tables.schema import AliasRow

ALIAS = AliasRow("default", "profile", "v:1", "u:1", NOON)


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The paths that were written out, under their final names; data files when they are as long as they are now."""
    found: set[Path] = set()
    real, real_write = disk.flush, disk.write

    def flush(path: Path) -> None:
        real(path)
        found.add(path)

    def write(path: Path, content: bytes) -> None:
        real_write(path, content)
        found.add(path)

    monkeypatch.setattr("warehouse.tables.durable.flush", flush)
    monkeypatch.setattr("warehouse.tables.files.write", write)
    return found


def everything(folder: Path, *tables: str) -> set[Path]:
    """The live files of the tables, all commits and checkpoints, and the folders that name them."""
    found: set[Path] = set()
    for table in (folder / name for name in tables or ("events", "aliases")):
        if table.exists():
            files = [table / path for path in DeltaTable(str(table)).get_add_actions()["path"].to_pylist()]
            files += [
                path for path in (table / "_delta_log").iterdir() if not path.name.startswith("_commit")
            ]
            found |= {*files, *(path.parent for path in files), folder}
    return found


def filled(folder: Path) -> Warehouse:
    warehouse = Warehouse(str(folder))
    for number in range(23):  # past a checkpoint
        warehouse.append(
            [row(id=str(number)), row(NOON + DAY_MS, id=f"n{number}")], [ALIAS], {("app", 0): number}
        )
    return warehouse


def as_if_killed(folder: Path) -> None:
    """Whoever wrote all this did not live to see it on disk."""
    for known in folder.glob("*/_sums"):
        known.unlink()


def retired(folder: Path) -> None:
    Warehouse(str(folder)).retire(NOON + DAY_MS)


WORKS: dict[str, Callable[[Path], object]] = {
    "append": lambda folder: filled(folder),
    "compact": lambda folder: Maintenance(str(folder)).compact(),
    "vacuum": lambda folder: Maintenance(str(folder)).vacuum(0),
    "erase": lambda folder: Maintenance(str(folder)).erase("default", ["p1"]),
    "retire": retired,
    "positions": lambda folder: Warehouse(str(folder)).positions("app"),
}


@pytest.mark.parametrize("work", WORKS)
def test_whatever_commits_returns_when_it_is_on_disk(tmp_path: Path, flushed: set[Path], work: str) -> None:
    if work != "append":
        filled(tmp_path)
        as_if_killed(tmp_path)
        flushed.clear()
    WORKS[work](tmp_path)
    tables = ["events"] if work == "retire" else []
    assert everything(tmp_path, *tables) <= flushed


def test_old_files_go_only_after_what_replaced_them_is_on_disk(
    tmp_path: Path, flushed: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    # Another process compacted and was killed before it wrote that out.
    with monkeypatch.context() as without:
        without.setattr(Durable, "up_to", lambda *_: None)
        assert Maintenance(str(tmp_path)).compact()
    as_if_killed(tmp_path)
    flushed.clear()
    real, missing = DeltaTable.vacuum, set[Path]()

    def vacuum(table: DeltaTable, *args: object, **options: object) -> object:
        mine = {
            path
            for path in everything(tmp_path)
            if path.is_relative_to(table.table_uri.removeprefix("file://"))
        }
        missing.update(mine - flushed)
        return real(table, *args, **options)

    monkeypatch.setattr(DeltaTable, "vacuum", vacuum)
    Maintenance(str(tmp_path)).vacuum(0)
    assert not missing


@pytest.mark.redis
def test_a_worker_writes_files_out_before_it_commits_in_the_log(
    tmp_path: Path, redis_url: str, site: Site
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("no strace: apt-get install strace")
    sites_of(tmp_path, site)
    log, trace = open_log(f"{redis_url}?stream=traced&shards=1"), tmp_path / "trace"
    log.append(records([event(f"e{number}", number / 10, f"v{number}") for number in range(40)]))
    url = f"{redis_url}?stream=traced&shards=1"
    worker = [python(), "-m", "tests.support.ingest_worker_process", url, redis_url, str(tmp_path), "w"]
    command = [strace, "-f", "-y", "-s", "300", "-e", "trace=fsync,fdatasync,sendto"]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([*command, "-o", str(trace), *worker], cwd=ROOT, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 60
            while log.lag("ingest") and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for child in children:  # strace itself waits for its child to end
                os.kill(int(child), signal.SIGTERM)
            process.wait(30)
    if "ptrace" in (said := (tmp_path / "out").read_text()):
        pytest.skip(f"strace is not allowed here: {said[:200]}")
    assert log.lag("ingest") == 0, said
    lines = trace.read_text().splitlines()
    events = tmp_path / "warehouse" / "events"

    def first(*parts: str) -> int:
        return next(at for at, line in enumerate(lines) if all(part in line for part in parts))

    # One portion: its rows are in one file, which one commit names. A file has its final name once it is written out.
    (file,) = DeltaTable(str(events)).get_add_actions()["path"].to_pylist()
    (commit,) = [path for path in (events / durable.LOG).glob("*.json") if file in path.read_text()]
    written = first("fsync(", f".{Path(file).name}.")
    named = first("fsync(", str((events / file).parent) + ">")
    committed = first("fsync(", f"{commit}>")
    folder = committed + next(
        at for at, line in enumerate(lines[committed:]) if f"{events / durable.LOG}>" in line
    )
    acknowledged = first("sendto(", sha1(SCRIPTS["commit"].encode()).hexdigest())
    assert written < named < committed < folder < acknowledged
    assert not [line for line in lines[:acknowledged] if re.search(r"sync\(.*\) = -1", line)]
    log.close()
