"""Repair of damaged tables from the files that are left. The event log may have rows that no file has (``dangol``).

1. A commit that cannot be read, or is gone, becomes one that does nothing; a checkpoint that cannot be read goes; where
   the log has lost its beginning it begins anew. What was damaged stays in ``_damaged/``, for whoever wants to look.
2. A live file that cannot be read is replaced by one with those of its rows that can.
3. Files that no commit names, since the one that did is lost, are compared row by row with the table: what it lacks
   is added, but for rows that must not come back.

Each step may run twice. Rows are told apart by ``integrity.IDENTITY``: none is there twice afterwards.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tracker.disk import flush, write
from warehouse.tables.damage import Damage
from warehouse.tables.delta_log import DeltaLog
from warehouse.tables.durable import (
    DAMAGED,
    LOG,
    checkpoint_of,
    checksum_of,
    commit_of,
    on_disk,
    replace_sums,
    sums,
)
from warehouse.tables.files import Folder, as_new
from warehouse.tables.integrity import Mask, damaged, known_sums, readable, strays, unreadable, vanished
from warehouse.tables.table import Table, WarehouseUnavailable


class NotOnDisk(Exception):
    """Object storage is not repaired here: restore the object's older version there."""


def begin(table: Table, clock: Callable[[], float] = time.time) -> list[str]:
    """Step 1; what was done, a sentence each. The table opens afterwards. Raises NotOnDisk, OSError."""
    root = on_disk(table.uri)
    if root is None:
        raise NotOnDisk(f"{table.uri}: on object storage, restore the object's older version there")
    if not root.exists():
        return []
    aside, did = root / DAMAGED / f"{int(clock() * 1000)}", list[str]()
    # What looks sound and does not open is not trusted the next time.
    for distrusted in ("", "checkpoints", "commits"):
        log = DeltaLog(root)
        if log.last < 0 and not any(root.rglob("*.parquet")):
            return did
        did += _mended(table, root, log, aside, distrusted)
        table.restart()
        try:
            table.refresh()
            return did
        except WarehouseUnavailable as error:
            did.append(f"{table.name}: still not readable: {error}")
    raise WarehouseUnavailable(f"{root} cannot be repaired: {did[-1]}")


def _mended(table: Table, root: Path, log: DeltaLog, aside: Path, distrusted: str) -> list[str]:
    did = []
    broken, checkpoints = dict(log.broken), dict(log.broken_checkpoints)
    if distrusted:
        checkpoints = dict.fromkeys(log.checkpoints, "is not trusted")
    if distrusted == "commits":
        broken = dict.fromkeys(log.commits, "is not trusted")
    for version, why in sorted(checkpoints.items()):
        _put_aside(root, checkpoint_of(version), aside)
        did.append(f"{table.name}: checkpoint {version}, which {why}, is not used any more")
    if log.hint_broken or checkpoints:
        (root / LOG / "_last_checkpoint").unlink(missing_ok=True)
    for version in sorted({*broken, *log.missing}):
        if version in broken:
            _put_aside(root, commit_of(version), aside)
        write(root / commit_of(version), _nothing())
        did.append(f"{table.name}: commit {version} {broken.get(version, 'is missing')}; it does nothing now")
    begun = 0 in log.commits - broken.keys()
    if not begun and not log.checkpoints - checkpoints.keys():
        first = min((*log.commits, *log.missing), default=0)
        _begin_anew(table, root, first)
        did.append(f"{table.name}: the log begins anew at version {first}")
    if did:
        flush(root / LOG)
    return did


def salvage(table: Table) -> list[Damage]:
    """Step 2; the files, with the number of rows of theirs that are lost, None where nobody knows it. Raises
    WarehouseUnavailable."""
    found, known, root = vanished(table), known_sums(table), on_disk(table.uri)
    for file in table.files()[1]:
        why = unreadable(table, file, known.get(file.path))
        if not why:
            continue
        rows, _ = readable(table, file.path)
        if root is not None and (root / file.path).exists():
            shutil.copy2(root / file.path, _room(root / DAMAGED / file.path))
        folder = Folder(table.uri, table.storage_options)
        table.swap([file], [folder.write(rows, file.day)] if len(rows) else [])
        found.append(msgspec.structs.replace(damaged(table, file, why), rows=max(0, file.rows - len(rows))))
    return found


def take_in(table: Table, forgotten: Mask | None) -> list[Damage]:
    """Step 3; the files, with the number of rows that were added. Raises WarehouseUnavailable."""
    found = []
    root = on_disk(table.uri)
    for path, rows, whole in strays(table, table.files()[1], forgotten):
        if whole and root is not None:  # processes that saw the lost commit know it by this name
            day = rows["day"][0].as_py() if table.partition_by else None
            table.adopt([as_new(path, (root / path).stat().st_size, day, rows)])
        else:
            table.append(rows, ())
        found.append(Damage(table.name, "stray", path, "held rows that no commit named", rows=len(rows)))
    return found


def finish(table: Table) -> None:
    """What is there now counts as it is."""
    root = on_disk(table.uri)
    if root is None or not (root / LOG).exists():
        return
    table.make_durable()
    log = DeltaLog(root)
    names = {file.path for file in table.files()[1]}
    names |= {commit_of(version) for version in log.commits}
    names |= {checkpoint_of(version) for version in log.checkpoints}
    found = {name: checksum_of(root / name) for name in sorted(names) if (root / name).exists()}
    if found != sums(root):
        replace_sums(root, found)


def _begin_anew(table: Table, root: Path, first: int) -> None:
    """The table's columns, told before its first commit."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Table(f"{folder}/{table.name}", table.schema, table.partition_by, None)
        fresh.create().create_checkpoint()
        made = Path(folder) / table.name
        if first == 0:
            write(root / commit_of(0), (made / commit_of(0)).read_bytes())
        else:
            write(root / commit_of(first - 1), _nothing())
            write(root / checkpoint_of(first - 1), (made / checkpoint_of(0)).read_bytes())


def _put_aside(root: Path, name: str, aside: Path) -> None:
    shutil.move(root / name, _room(aside / name))


def _room(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _nothing() -> bytes:
    info = {"timestamp": int(time.time() * 1000), "operation": "REPAIR", "operationParameters": {}}
    return msgspec.json.encode({"commitInfo": info}) + b"\n"
