"""Integrity: whether everything that was committed is there and can be read.

A look at the log (every commit and checkpoint, against the checksums of when they were written) and at each live
file's size is cheap, and runs on a schedule. A deep one reads every file, and looks for files that lost commits had
added. Only tables on disk are looked into so closely: object storage keeps checksums of its own.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.tables.damage import UNREADABLE, Damage, short
from warehouse.tables.delta_log import DeltaLog
from warehouse.tables.durable import LOG, checksum_of, on_disk, sums
from warehouse.tables.files import Folder, LiveFile
from warehouse.tables.table import Table, WarehouseUnavailable

Mask = Callable[[pa.Table], pa.ChunkedArray]
"""Which rows must not come back: of people who were erased."""

IDENTITY = {
    "events": ("day", "site", "id", "visitor", "user"),
    "aliases": ("site", "kind", "old", "new", "ts"),
    "scores": ("day", "site", "profile"),
}
"""Columns that tell one row of a table from every other."""


def look(table: Table) -> list[Damage]:
    """What a short look finds: commits, checkpoints, and live files that are gone or of another size.

    Raises WarehouseUnavailable where a table in object storage does not open."""
    root = on_disk(table.uri)
    found = DeltaLog(root).damage() if root is not None and root.exists() else []
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
    log = DeltaLog(root)
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
    except UNREADABLE as error:
        return f"cannot be read: {short(error)}"
    return ""


def strays(
    table: Table, files: Collection[LiveFile], forgotten: Mask | None = None, settled: float = 0.0
) -> Iterator[tuple[str, pa.Table, bool]]:
    """Files that no commit names: each with those of its rows that the live ``files`` do not hold, and whether that is
    all of them."""
    root = on_disk(table.uri)
    if root is None or not root.exists():
        return
    log = DeltaLog(root)
    named = {file.path for file in files} | log.named("remove")
    seen = Seen(table, files)
    for path in sorted(root.rglob("*.parquet")):
        name = str(path.relative_to(root))
        if name in named or name.startswith(("_", ".")) or path.name.startswith("."):
            continue
        with suppress(*UNREADABLE):
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
                except UNREADABLE as error:
                    why = f"cannot be read: {short(error)}"
    except UNREADABLE as error:
        why = f"cannot be read: {short(error)}"
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
