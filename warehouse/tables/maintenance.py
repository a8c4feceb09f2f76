"""Maintenance: compaction, vacuum, retention by age, and the erasure of a person."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from warehouse.tables.durable import DAMAGED, on_disk
from warehouse.tables.files import Folder, LiveFile
from warehouse.tables.integrity import look
from warehouse.tables.schema import ALIASES, EVENTS, SCORES
from warehouse.tables.scores import surplus
from warehouse.tables.table import COMPRESSION, HOOKS, Table, WarehouseUnavailable

logger = logging.getLogger(__name__)

LARGE = 64 * 1024 * 1024
"""Bytes from which a file is left as it is: what arrives today does not rewrite the whole day each time."""
FEW = 4
"""Files of a day that are not worth rewriting."""
RETENTION_HOURS = 1
"""How long files stay that no commit names any more: for readers that listed them, and writers about to commit."""
ERASE_ATTEMPTS = 20
FOR_EVER = 1 << 62


class Maintenance:
    """Works beside writers and readers. What loses a race against another commit is left for the next time."""

    def __init__(self, path: str, storage_options: Mapping[str, str] | None = None) -> None:
        self._storage_options = storage_options
        self._events = Table(f"{path}/events", EVENTS, ["day"], storage_options)
        self._aliases = Table(f"{path}/aliases", ALIASES, [], storage_options)
        self._scores = Table(f"{path}/scores", SCORES, ["day"], storage_options)
        self._all = (self._events, self._aliases, self._scores)

    def compact(self) -> int:
        """Make large files of the small ones of each day; the number of files that went."""
        _, files = self._events.files()
        small: dict[str, int] = {}
        for file in files:
            if file.size < LARGE:
                small[str(file.day)] = small.get(str(file.day), 0) + 1
        gone = 0
        for day in sorted(day for day, count in small.items() if count >= FEW):
            gone += self._compact_day(day)
        return gone + self._compact_aliases()

    def _compact_day(self, day: str) -> int:
        delta = self._events.refresh()
        if delta is None:
            return 0
        try:
            done = delta.optimize.compact(
                partition_filters=[("day", "=", day)],
                target_size=LARGE,
                max_concurrent_tasks=1,
                writer_properties=COMPRESSION,
                post_commithook_properties=HOOKS,
            )
            self._events.make_durable()
        except DeltaError as error:
            logger.info("compaction of %s waits: %s", day, error)
            self._events.forget()
            return 0
        return int(done["numFilesRemoved"]) - int(done["numFilesAdded"])

    def _compact_aliases(self) -> int:
        """One file, and of the rows that say the same again only one."""
        _, files = self._aliases.files()
        delta = self._aliases.open()
        if delta is None or len(files) < FEW:
            return 0
        folder = Folder(self._aliases.uri, self._storage_options)
        rows = pa.concat_tables([folder.read(file) for file in files], promote_options="default")
        # The first word of a profile and the last of a session or a merge are those that count.
        spread = rows.group_by(["site", "kind", "old", "new"]).aggregate([("ts", "min"), ("ts", "max")])
        first = pc.equal(spread["kind"], "profile")
        ts = pc.if_else(first, spread["ts_min"], spread["ts_max"])
        kept = spread.drop_columns(["ts_min", "ts_max"]).append_column("ts", ts).select(ALIASES.names)
        new = folder.write(kept.cast(ALIASES), None)
        return len(files) - 1 if self._aliases.swap(files, [new]) else 0

    def vacuum(self, hours: int = RETENTION_HOURS) -> int:
        """Delete the files that no version has named for ``hours``; how many. Raises WarehouseUnavailable where a table
        is damaged: a file that a lost commit had named is what a repair needs."""
        gone = 0
        for table in self._all:
            if damage := look(table):
                raise WarehouseUnavailable(f"not vacuumed: {damage[0]}; run `dangol doctor --repair`")
            if table.refresh() is not None:
                gone += len(_vacuum(table, hours, full=True))
                if (delta := table.refresh()) is not None:
                    delta.cleanup_metadata()
        return gone

    def retire(self, before: int) -> int:
        """Forget the days that ended before ``before`` (ms, UTC); the number of events that went."""
        day = datetime.fromtimestamp(before / 1000, UTC).date()

        def old(files: Sequence[LiveFile]) -> list[LiveFile]:
            return [file for file in files if file.day and file.day < day]

        self._drop(self._scores, old)
        return self._drop(self._events, old)

    def thin(self, today: date) -> int:
        """Leave one snapshot a week of the scores that are older than five weeks; the number of rows that went. A clock
        that is ahead makes none old that is the newest."""
        days = [file.day for file in self._scores.files()[1] if file.day]
        return self._drop(self._scores, lambda files: surplus(files, min(today, max(days, default=today))))

    def _drop(self, table: Table, chosen: Callable[[Sequence[LiveFile]], Sequence[LiveFile]]) -> int:
        """Drop the files of the table that are chosen; how many rows they had."""
        for _ in range(ERASE_ATTEMPTS):
            old = chosen(table.files()[1])
            if not old or table.swap(old, []):
                return sum(file.rows for file in old)
        raise WarehouseUnavailable(f"{table.uri}: files kept changing")

    def erase(
        self,
        site: str,
        ids: Collection[str],
        until: int = FOR_EVER,
        browsers: Collection[str] = (),
        fed: Collection[str] = (),
    ) -> int:
        """Rewrite every file that holds a row of the profiles ``ids`` or of what was merged into them; the number of
        events that went. Of the profiles ``fed`` those of the cookies ``browsers`` go. What was received after
        ``until`` (ms) stays.

        The files that held them are deleted at once: a reader lists the new ones and reads on. Raises
        WarehouseUnavailable; then erase again.
        """
        own = {f"v:{visitor}" for visitor in browsers}
        former = self.former(site, ids)
        people = _names(former)
        sessions: set[str] = set()

        def theirs(rows: pa.Table) -> pa.ChunkedArray:
            added = pc.and_(
                pc.is_in(rows["profile"], _names({*fed, *own})), pc.is_in(rows["visitor"], _names(browsers))
            )
            hit = pc.or_(pc.is_in(rows["profile"], people), added)
            hit = pc.and_(hit, pc.equal(rows["site"], site))
            hit = pc.and_(hit, pc.less_equal(rows["received"], until))
            sessions.update(rows["session"].filter(hit).to_pylist())
            return hit

        gone = self._without(self._events, ["site", "profile", "visitor", "session", "received"], theirs)

        def named(rows: pa.Table) -> pa.ChunkedArray:
            return pc.and_(
                pc.and_(pc.equal(rows["site"], site), pc.less_equal(rows["ts"], until)),
                pc.or_(
                    _about(rows, ("profile", "merge"), _names({*former, *own})),
                    _about(rows, ("session",), _names(sessions)),
                ),
            )

        self._without(self._aliases, ALIASES.names, named)
        scored = _names({*former, *own})

        def of_theirs(rows: pa.Table) -> pa.ChunkedArray:
            hit = pc.and_(pc.equal(rows["site"], site), pc.is_in(rows["profile"], scored))
            return pc.and_(hit, pc.less_equal(rows["ts"], until))

        self._without(self._scores, ["site", "profile", "ts"], of_theirs)
        for table in self._all:
            if table.refresh() is not None:
                _vacuum(table, 0, full=False)
            _drop_damaged(table)
        return gone

    def revise(self, days: Collection[date], revised: Callable[[pa.Table], pa.Table | None]) -> int:
        """Replace rows of these days by what ``revised`` makes of a file's rows: as many, in the same order; None where
        nothing changes. How many files were rewritten. Raises WarehouseUnavailable; then revise again.
        """
        table = self._events
        folder = Folder(table.uri, self._storage_options) if table.refresh() is not None else None
        done: set[str] = set()
        rewritten = 0
        for _ in range(ERASE_ATTEMPTS):
            todo = [file for file in table.files()[1] if file.path not in done and file.day in days]
            if not todo or folder is None:
                return rewritten
            for file in todo:
                try:
                    rows = revised(folder.read(file))
                except FileNotFoundError:
                    continue  # compacted or erased meanwhile: its rows are in a file of the next round
                if rows is not None:
                    added = folder.write(rows, file.day)
                    if not table.swap([file], [added]):
                        continue
                    rewritten += 1
                    done.add(added.path)
                done.add(file.path)
        raise WarehouseUnavailable(f"{table.uri}: files kept changing")

    def _without(self, table: Table, columns: list[str], hit: Callable[[pa.Table], pa.ChunkedArray]) -> int:
        """Rewrite the table's files until no row is hit; how many rows went."""
        folder = Folder(table.uri, self._storage_options) if table.refresh() is not None else None
        gone, clean = 0, set[str]()
        for _ in range(ERASE_ATTEMPTS):
            todo = [file for file in table.files()[1] if file.path not in clean]
            if not todo or folder is None:
                return gone
            for file in todo:
                try:
                    found = hit(folder.read(file, columns))
                    count = pc.sum(found).as_py() or 0
                    rest = folder.read(file).filter(pc.invert(found)) if count else None
                except FileNotFoundError:
                    continue  # another erasure was quicker: what it left is in a file of the next round
                if rest is not None:
                    added = [folder.write(rest, file.day)] if rest.num_rows else []
                    if not table.swap([file], added):
                        continue  # compacted meanwhile: its rows are in another file of the next round
                    gone += count
                    clean.update(new.path for new in added)
                clean.add(file.path)
        raise WarehouseUnavailable(f"{table.uri}: files kept changing")

    def former(self, site: str, ids: Collection[str]) -> set[str]:
        """The profile ids, and all that were merged into them; without those that were merged into others."""
        found = set(ids)
        # A profile's id is merged once: a cookie that moved on to another customer says more, which does not count.
        # A customer may be merged into another, and separated again: the last word counts.
        first: dict[str, tuple[int, str]] = {}
        last: dict[str, tuple[int, str]] = {}
        for row in self._merges(site):
            said = (row["ts"], row["new"])
            if row["kind"] == "merge":
                last[row["old"]] = max(said, last.get(row["old"], said))
            else:
                first[row["old"]] = min(said, first.get(row["old"], said))
        became = {old: new for old, (_, new) in (last | first).items() if new != old}
        # An id that became part of somebody else is that one's, whoever used the cookie later.
        found = {name for name in found if name not in became or became[name] in found}
        leading: dict[str, set[str]] = {}
        for old, new in became.items():
            leading.setdefault(new, set()).add(old)
        todo = list(found)
        while todo:
            more = leading.get(todo.pop(), set()) - found
            found |= more
            todo += more
        return found

    def _merges(self, site: str) -> list[dict[str, Any]]:
        """Which profile became part of which, and when."""
        folder = (
            Folder(self._aliases.uri, self._storage_options) if self._aliases.refresh() is not None else None
        )
        for _ in range(ERASE_ATTEMPTS):
            files = self._aliases.files()[1]
            if folder is None or not files:
                return []
            try:
                rows = pa.concat_tables([folder.read(file, ALIASES.names) for file in files])
            except FileNotFoundError:  # an erasure was quicker
                continue
            kinds = pa.array(["profile", "merge"])
            mine = pc.and_(pc.equal(rows["site"], site), pc.is_in(rows["kind"], kinds))
            merges: list[dict[str, Any]] = rows.filter(mine).to_pylist()
            return merges
        raise WarehouseUnavailable(f"{self._aliases.uri}: files kept changing")


def _drop_damaged(table: Table) -> None:
    """What a repair kept of data files that cannot be read may be anybody's."""
    root = on_disk(table.uri)
    for path in (root / DAMAGED).rglob("*.parquet") if root is not None else ():
        path.unlink(missing_ok=True)


def _names(values: Collection[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())


def _about(rows: pa.Table, kinds: Sequence[str], names: pa.Array) -> pa.ChunkedArray:
    """Which aliases of ``kinds`` speak of ``names``."""
    speaks = pc.or_(pc.is_in(rows["old"], names), pc.is_in(rows["new"], names))
    return pc.and_(pc.is_in(rows["kind"], pa.array(kinds)), speaks)


def _vacuum(table: Table, hours: int, full: bool) -> list[str]:
    """Without ``full`` only files that a commit removed, never one that a writer is about to commit."""
    for _ in range(ERASE_ATTEMPTS):
        table.make_durable()  # else a power cut could take what replaced the files that go
        delta = table.open()
        assert delta is not None
        try:
            gone = delta.vacuum(
                hours,
                dry_run=False,
                enforce_retention_duration=False,
                full=full,
                post_commithook_properties=HOOKS,
            )
            table.make_durable()  # a vacuum is commits, too
            if not look(table):  # else they tell what was there
                table.forget_sums()
            return gone
        except DeltaError as error:  # another erasure's came first
            logger.info("vacuum of %s once more: %s", table.uri, error)
            table.forget()
    raise WarehouseUnavailable(f"{table.uri}: other commits always came first")
