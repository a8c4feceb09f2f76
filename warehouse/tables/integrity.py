"""Integrity: whether everything that was committed is there and can be read.

A look at the log (every commit and checkpoint, against the checksums of when they were written) and at each live
file's size is cheap, and runs on a schedule. A deep one reads every file, and looks for files that lost commits had
added. Only tables on disk are looked into so closely: object storage keeps checksums of its own.
"""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.tables.durable import LOG, checkpoint_of, checksum_of, commit_of, newest, on_disk, sums
from warehouse.tables.files import Folder, LiveFile
from warehouse.tables.table import Table, WarehouseUnavailable

Kind = Literal["commit", "checkpoint", "file", "stray"]
Mask = Callable[[pa.Table], pa.ChunkedArray]
"""Which rows must not come back: of people who were erased."""

ACTIONS = frozenset({"add", "remove", "metaData", "protocol", "txn", "commitInfo", "cdc", "domainMetadata"})
IDENTITY = {
    "events": ("day", "site", "id", "visitor", "user"),
    "aliases": ("site", "kind", "old", "new", "ts"),
}
"""Columns that tell one row of a table from every other."""

_NUMBERED = re.compile(r"(\d{20})\.(json|checkpoint\.parquet)")
_UNREADABLE = (OSError, pa.ArrowException, ValueError, KeyError)


class Damage(msgspec.Struct, frozen=True):
    """Something that is not as it was written. ``rows`` are those that reports miss because of it, None where that is
    not known; ``path`` is within the table's folder."""

    table: str
    kind: Kind
    path: str
    says: str
    site: str = ""
    day: str = ""
    rows: int | None = None

    def __str__(self) -> str:
        where = ", ".join(text for text in (self.site and f"site {self.site}", self.day) if text)
        lost = "" if self.rows is None else f"about {self.rows:,} rows"
        more = "; ".join(text for text in (where, lost) if text)
        return f"{self.table}/{self.path} {self.says}" + (f" ({more})" if more else "")


class Log:
    """A table's ``_delta_log`` as it lies on disk, whatever state it is in."""

    def __init__(self, root: Path) -> None:
        self.root, self.known = root, sums(root)
        self.commits: set[int] = set()
        self.checkpoints: set[int] = set()
        for path in (root / LOG).iterdir() if (root / LOG).is_dir() else ():
            if match := _NUMBERED.fullmatch(path.name):
                (self.commits if match[2] == "json" else self.checkpoints).add(int(match[1]))
        self.broken = {version: why for version in self.commits if (why := self._commit_broken(version))}
        self.broken_checkpoints = {
            version: why for version in self.checkpoints if (why := self._checkpoint_broken(version))
        }

    @property
    def last(self) -> int:
        """The newest version that there is or was; -1 for none."""
        return max(*self.commits, *self.checkpoints, newest(self.known), -1, -1)

    @property
    def first(self) -> int:
        """The first commit that is needed: 0, or the one after the oldest sound checkpoint where older ones went."""
        if 0 in self.commits:
            return 0
        sound = self.checkpoints - self.broken_checkpoints.keys()
        return min(sound) + 1 if sound else min(self.commits, default=0)

    @property
    def begun(self) -> bool:
        """Whether something tells the table's columns: a sound commit 0, or a sound checkpoint."""
        known = (
            0 in self.commits and 0 not in self.broken
        ) or self.checkpoints - self.broken_checkpoints.keys()
        return bool(known)

    @property
    def missing(self) -> list[int]:
        return [version for version in range(self.first, self.last + 1) if version not in self.commits]

    @property
    def hint_broken(self) -> bool:
        """Whether ``_last_checkpoint`` says something wrong."""
        path = self.root / LOG / "_last_checkpoint"
        if not path.exists():
            return False
        try:
            return int(json.loads(path.read_bytes())["version"]) not in self.checkpoints
        except (*_UNREADABLE, TypeError):
            return True

    def damage(self) -> list[Damage]:
        name = self.root.name
        found = [Damage(name, "commit", commit_of(at), why) for at, why in sorted(self.broken.items())]
        found += [Damage(name, "commit", commit_of(at), "is missing") for at in self.missing]
        found += [
            Damage(name, "checkpoint", checkpoint_of(at), why)
            for at, why in sorted(self.broken_checkpoints.items())
        ]
        if not self.begun and self.last >= 0:
            found.append(Damage(name, "commit", LOG, "has lost its beginning"))
        if self.hint_broken:
            found.append(Damage(name, "checkpoint", f"{LOG}/_last_checkpoint", "cannot be read"))
        return found

    def named(self, action: Literal["add", "remove"]) -> set[str]:
        """The paths of all files that sound commits and checkpoints add, or remove."""
        found: set[str] = set()
        for version in self.commits - self.broken.keys():
            for line in _actions(self.root / commit_of(version)):
                if action in line:
                    found.add(unquote(line[action]["path"]))
        for version in self.checkpoints - self.broken_checkpoints.keys():
            rows = pq.ParquetFile(self.root / checkpoint_of(version)).read(columns=[f"{action}.path"])
            paths = pc.struct_field(rows[action].combine_chunks(), "path").drop_null().to_pylist()
            found |= {unquote(path) for path in paths}
        return found

    def _commit_broken(self, version: int) -> str:
        path = self.root / commit_of(version)
        try:
            if not path.stat().st_size:
                return "is empty"
            list(_actions(path))
            known = self.known.get(commit_of(version))
            return "is not as it was written" if known not in (None, checksum_of(path)) else ""
        except FileNotFoundError:
            return ""  # cleaned up meanwhile
        except _UNREADABLE as error:
            return f"cannot be read: {_short(error)}"

    def _checkpoint_broken(self, version: int) -> str:
        path = self.root / checkpoint_of(version)
        try:
            known = self.known.get(checkpoint_of(version))
            if known not in (None, checksum_of(path)):
                return "is not as it was written"
            has = pq.ParquetFile(path).read()["metaData"].combine_chunks()
            return "" if has.null_count < len(has) else "tells of no table"
        except FileNotFoundError:
            return ""
        except _UNREADABLE as error:
            return f"cannot be read: {_short(error)}"


def _actions(path: Path) -> Iterator[dict[str, Any]]:
    """The actions of a commit. Raises ValueError, OSError."""
    for line in path.read_bytes().splitlines():
        action = json.loads(line)
        if not isinstance(action, dict) or not ACTIONS & action.keys():
            raise ValueError(f"no action of Delta's: {line[:40]!r}")
        yield action


def look(table: Table) -> list[Damage]:
    """What a short look finds: commits, checkpoints, and live files that are gone or of another size.

    Raises WarehouseUnavailable where a table in object storage does not open."""
    root = on_disk(table.uri)
    found = Log(root).damage() if root is not None and root.exists() else []
    try:
        _, files = table.files()
    except WarehouseUnavailable as error:
        if root is None:
            raise
        return found or [Damage(table.name, "commit", LOG, f"cannot be opened: {error}")]
    if root is not None:
        wrong = {file: why for file in files if (why := _size_wrong(root, file))}
        # What went since it was listed is no damage.
        still = {file.path for file in table.files()[1]} if wrong else set()
        found += [damaged(table, file, why) for file, why in wrong.items() if file.path in still]
    return found


def deep(table: Table, forgotten: Mask | None = None, settled: float = 0.0) -> list[Damage]:
    """Everything: each live file is read, and files that no commit names are compared with the table's rows, unless
    they are younger than ``settled`` (seconds: somebody may be about to commit them)."""
    found = look(table)
    try:
        _, files = table.files()
    except WarehouseUnavailable:
        return found
    known, said = known_sums(table), {each.path for each in found}
    for file in files:
        if file.path not in said and (why := unreadable(table, file, known.get(file.path))):
            found.append(damaged(table, file, why))
            said.add(file.path)
    sound = [file for file in files if file.path not in said]
    found += vanished(table)
    for path, rows, _ in strays(table, sound, forgotten, settled):
        days = pc.unique(rows["day"]).to_pylist() if "day" in rows.column_names else []
        site = pc.unique(rows["site"]).to_pylist()
        says = "holds rows that no commit names"
        day = " to ".join(str(day) for day in dict.fromkeys((min(days), max(days)))) if days else ""
        found.append(Damage(table.name, "stray", path, says, ", ".join(sorted(site)), day, len(rows)))
    return found


def vanished(table: Table) -> list[Damage]:
    """Data files that were on disk and are gone, as is every commit that told of them."""
    root = on_disk(table.uri)
    if root is None or not root.exists():
        return []
    log = Log(root)
    known = {path for path in log.known if not path.startswith(LOG) and not (root / path).exists()}
    if not known:
        return []
    named = {file.path for file in table.files()[1]} | log.named("remove") | log.named("add")
    says = "is gone, and so is the commit that named it"
    return [Damage(table.name, "file", path, says, day=_day_of(path)) for path in sorted(known - named)]


def known_sums(table: Table) -> Mapping[str, int]:
    root = on_disk(table.uri)
    return sums(root) if root is not None else {}


def damaged(table: Table, file: LiveFile, why: str) -> Damage:
    return Damage(table.name, "file", file.path, why, file.site, str(file.day or ""), file.rows)


def unreadable(table: Table, file: LiveFile, checksum: int | None = None) -> str:
    """Why not every row of a live file can be read; "" when all can."""
    root = on_disk(table.uri)
    if root is not None and (why := _size_wrong(root, file)):
        return why
    try:
        rows = 0
        with Folder(table.uri, table.storage_options).opened(file) as parquet:
            for number in range(parquet.num_row_groups):
                rows += parquet.read_row_group(number).num_rows
        if rows != file.rows:
            return f"has {rows:,} rows instead of {file.rows:,}"
        if root is not None and checksum not in (None, checksum_of(root / file.path)):
            return "is not as it was written"
    except FileNotFoundError:
        return "is missing"
    except _UNREADABLE as error:
        return f"cannot be read: {_short(error)}"
    return ""


def strays(
    table: Table, files: Collection[LiveFile], forgotten: Mask | None = None, settled: float = 0.0
) -> Iterator[tuple[str, pa.Table, bool]]:
    """Files that no commit names: each with those of its rows that the live ``files`` do not hold, and whether that is
    all of them."""
    root = on_disk(table.uri)
    if root is None or not root.exists():
        return
    log = Log(root)
    named = {file.path for file in files} | log.named("remove")
    seen = Seen(table, files)
    for path in sorted(root.rglob("*.parquet")):
        name = str(path.relative_to(root))
        if name in named or name.startswith(("_", ".")) or path.name.startswith("."):
            continue
        with suppress(*_UNREADABLE):
            if settled and time.time() - path.stat().st_mtime < settled:
                continue
            whole, why = readable(table, name)
            rows = seen.unknown(whole)
            if forgotten is not None and len(rows):
                rows = rows.filter(pc.invert(forgotten(rows)))
            if len(rows):
                yield name, rows, not why and len(rows) == len(whole)


def readable(table: Table, path: str) -> tuple[pa.Table, str]:
    """The rows of a data file that can be read, row group by row group, and why not all can ("" for all)."""
    day = _day_of(path)
    file = LiveFile("", path, 0, date.fromisoformat(day) if day else None, 0, None, None)
    parts, why = [], ""
    try:
        with Folder(table.uri, table.storage_options).opened(file) as parquet:
            for number in range(parquet.num_row_groups):
                try:
                    parts.append(parquet.read_row_group(number))
                except _UNREADABLE as error:
                    why = f"cannot be read: {_short(error)}"
    except _UNREADABLE as error:
        why = f"cannot be read: {_short(error)}"
    rows = pa.concat_tables(parts) if parts else table.schema.empty_table()
    if file.day and parts:
        rows = rows.add_column(0, pa.field("day", pa.date32(), nullable=False), [[file.day] * len(rows)])
    return rows, why


class Seen:
    """Which rows a table holds in some files, by IDENTITY; read day by day when first asked."""

    KEPT_DAYS = 8

    def __init__(self, table: Table, files: Collection[LiveFile]) -> None:
        self._table, self._files = table, files
        self._days: dict[date | None, pa.Array] = {}

    def unknown(self, rows: pa.Table) -> pa.Table:
        """Those of ``rows`` that are not there, each once; from now on they are."""
        parts = []
        for day in pc.unique(rows["day"]).to_pylist() if "day" in rows.column_names else [None]:
            mine = rows.filter(pc.equal(rows["day"], day)) if day else rows
            keys, known = self._keys(mine), self._known(day)
            first = pc.equal(pc.index_in(keys, keys), pa.array(range(len(keys)), pa.int32()))
            fresh = pc.and_(first, pc.invert(pc.is_in(keys, known)))
            self._days[day] = pa.concat_arrays([known, keys.filter(fresh)])
            parts.append(mine.filter(fresh))
        return pa.concat_tables(parts) if parts else rows

    def _known(self, day: date | None) -> pa.Array:
        if day not in self._days:
            while len(self._days) >= self.KEPT_DAYS:
                self._days.pop(next(iter(self._days)))
            columns = [name for name in IDENTITY[self._table.name] if name != "day"]
            mine = [file for file in self._files if file.day == day]
            # Where there are none there may be no table.
            folder = Folder(self._table.uri, self._table.storage_options) if mine else None
            read = [self._keys(folder.read(file, columns)) for file in mine if folder]
            self._days[day] = pa.concat_arrays(read) if read else pa.array([], pa.string())
        return self._days[day]

    def _keys(self, rows: pa.Table) -> pa.Array:
        parts = [
            pc.fill_null(rows[name].cast(pa.string()), "\0")
            for name in IDENTITY[self._table.name]
            if name != "day"
        ]
        keys = pc.binary_join_element_wise(*parts, "\x1f")
        return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys


def _size_wrong(root: Path, file: LiveFile) -> str:
    try:
        size = (root / file.path).stat().st_size
    except FileNotFoundError:
        return "is missing"
    return "" if size == file.size else f"has {size:,} bytes instead of {file.size:,}"


def _day_of(path: str) -> str:
    day = re.match(r"day=(\d{4}-\d\d-\d\d)/", path)
    return day[1] if day else ""


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
