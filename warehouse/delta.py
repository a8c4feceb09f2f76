"""The Delta Lake tables: everything that ever happened, appended effectively once.

Commits carry Delta *app transactions*: for each partition of an event log, the position of the last
event that the commit holds. A commit is refused when another writer moved one of its partitions, so a
worker that was thought dead cannot append twice what its successor appended already.
"""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import Transaction
from deltalake.exceptions import DeltaError

from tracker.durations import DAY_MS
from warehouse.tables.maintenance import FOR_EVER, RETENTION_HOURS, Maintenance
from warehouse.tables.rows import RowsInvalid, arrow
from warehouse.tables.schema import ALIASES, EVENTS, SCORES, AliasRow, EventRow
from warehouse.tables.scores import record
from warehouse.tables.table import Table, WarehouseUnavailable

if TYPE_CHECKING:
    from warehouse.index.scan import Scan
    from warehouse.index.whole_visits import WholeVisits
    from warehouse.query_engine import QueryEngine
    from warehouse.question.scope import Scope
    from warehouse.tables.damage import Damage

__all__ = ["AliasRow", "EventRow", "PositionsMoved", "RowsInvalid", "Warehouse", "WarehouseUnavailable"]

ATTEMPTS = 12
"""Tries of one commit: others commit in between. With the pauses below, about twenty seconds."""

UNUSABLE = frozenset("[]|^\\%")
"""Signs in a path on which the Delta library aborts."""


class PathUnusable(ValueError):
    """The warehouse cannot lie there. Choose another folder."""


class PositionsMoved(Exception):
    """Another writer committed these partitions. Read ``positions`` again and drop what they cover."""

    def __init__(self, moved: Mapping[tuple[str, int], int | None]) -> None:
        names = ", ".join(f"{app}/{partition} is at {found}" for (app, partition), found in moved.items())
        super().__init__(f"another writer moved {names}")
        self.moved = dict(moved)


class Warehouse:
    """The tables ``events``, ``aliases`` and ``scores`` under ``path``, a folder or an object storage URI.

    Safe from many threads. A worker has a Warehouse of its own: ``append`` builds on what this object's
    ``positions`` returned and its own appends moved; that is how a stale worker is found out.
    """

    def __init__(self, path: str, storage_options: Mapping[str, str] | None = None) -> None:
        unusable = sorted(set(path) & UNUSABLE)
        if unusable:
            raise PathUnusable(f"{path}: Delta Lake cannot use a path with {' '.join(unusable)}")
        self.path = path.rstrip("/")
        self.storage_options = storage_options
        self.events = Table(f"{self.path}/events", EVENTS, ["day"], storage_options)
        self.aliases = Table(f"{self.path}/aliases", ALIASES, [], storage_options)
        self.scores = Table(f"{self.path}/scores", SCORES, ["day"], storage_options)
        self.on_damage: Callable[[Sequence[Damage]], None] = lambda _: None
        """Told of files that reports cannot read."""
        self._known: dict[str, int | None] = {}
        self._lock = threading.Lock()

    @cached_property
    def engine(self) -> "QueryEngine":
        """The query engine over these tables, made when first used."""
        from warehouse.query_engine import QueryEngine

        return QueryEngine(self.path, self.storage_options, on_damage=lambda found: self.on_damage(found))

    @contextmanager
    def aside(self, memory: str) -> "Iterator[QueryEngine]":
        """A query engine for one long question: it has ``memory``, spills what needs more, and keeps nothing."""
        from warehouse.query_engine import QueryEngine

        engine = QueryEngine(
            self.path, self.storage_options, memory=memory, on_damage=lambda found: self.on_damage(found)
        )
        try:
            yield engine
        finally:
            engine.close()
            pa.default_memory_pool().release_unused()

    def tables(
        self,
        queries: Mapping[str, str],
        scope: "Scope",
        params: Mapping[str, Any] | None = None,
        prepared: Mapping[str, str] | None = None,
    ) -> dict[str, pa.Table]:
        """The answers to several queries: see ``QueryEngine.tables``."""
        return self.engine.tables(queries, scope, params, prepared)

    def table(self, sql: str, scope: "Scope", params: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer to ``sql``: see ``QueryEngine.table``."""
        return self.engine.table(sql, scope, params)

    def rows(self, sql: str, scope: "Scope", params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return self.engine.rows(sql, scope, params)

    def has_days(self, first: int, last: int) -> bool:
        """Whether any file may have events of the days ``first`` to ``last``, counted from 1970 in UTC.

        Raises WarehouseUnavailable."""
        start, end = first * DAY_MS, (last + 1) * DAY_MS
        _, files = self.events.files()
        return any((file.first or 0) < end and (file.last is None or file.last >= start) for file in files)

    def began(self, site: str) -> int | None:
        """When (ms) the stored events begin that may be the site's, None without any. Raises WarehouseUnavailable."""
        _, files = self.events.files()
        return min(
            (file.first for file in files if file.site in ("", site) and file.first is not None), default=None
        )

    def scan(self, site: str, start: int, end: int) -> "Scan":
        """The events as numbers: see ``QueryEngine.scan``."""
        return self.engine.scan(site, start, end)

    def visits(self, site: str, start: int, end: int) -> "WholeVisits":
        """The visits that begin then: see ``QueryEngine.visits``."""
        return self.engine.visits(site, start, end)

    def compact(self) -> int:
        """See ``Maintenance.compact``; for the schedule, every few minutes."""
        return self._swept(Maintenance(self.path, self.storage_options).compact())

    def vacuum(self, hours: int = RETENTION_HOURS) -> int:
        """See ``Maintenance.vacuum``; for the schedule, every hour."""
        return self._swept(Maintenance(self.path, self.storage_options).vacuum(hours))

    def retire(self, before: int) -> int:
        """See ``Maintenance.retire``; for the schedule, every day."""
        return self._swept(Maintenance(self.path, self.storage_options).retire(before))

    def erase(
        self,
        site: str,
        ids: Collection[str],
        until: int = FOR_EVER,
        browsers: Collection[str] = (),
        fed: Collection[str] = (),
    ) -> int:
        """See ``Maintenance.erase``."""
        return self._swept(
            Maintenance(self.path, self.storage_options).erase(site, ids, until, browsers, fed)
        )

    def revise(self, days: Collection[date], revised: Callable[[pa.Table], pa.Table | None]) -> int:
        """See ``Maintenance.revise``."""
        return self._swept(Maintenance(self.path, self.storage_options).revise(days, revised))

    def _swept(self, count: int) -> int:
        """``count``, when the blocks of the files that went are gone, too."""
        self.engine.sweep()
        return count

    def former(self, site: str, ids: Collection[str]) -> set[str]:
        """See ``Maintenance.former``."""
        return Maintenance(self.path, self.storage_options).former(site, ids)

    def ping(self) -> None:
        """Raise WarehouseUnavailable when the tables cannot be read now."""
        with self._lock:
            self.events.refresh()

    def positions(self, app: str) -> dict[int, int]:
        """The last committed position of each partition of ``app``. What is at or before it is stored, and on disk:
        who reads them here may commit them in the log. Raises WarehouseUnavailable."""
        with self._lock:
            self.aliases.make_durable()
            self.events.make_durable()
            delta = self.events.open()
            width = (delta.transaction_version(_width_id(app)) if delta else None) or 0
            found: dict[int, int] = {}
            for known in [key for key in self._known if _app_of(key) == app]:
                del self._known[known]
            for partition in range(width):
                version = delta.transaction_version(_id(app, partition)) if delta else None
                self._known[_id(app, partition)] = version
                if version is not None:
                    found[partition] = version
            return found

    def append(
        self,
        rows: "Sequence[EventRow] | pa.Table",
        aliases: Sequence[AliasRow],
        positions: Mapping[tuple[str, int], int],
    ) -> None:
        """Store the rows (or a table of EVENTS) and move the positions, both or neither; return when that is on disk.

        ``positions`` maps (app, partition) to the last position that the rows come from. Aliases go
        first, in a commit of their own: repeating them is harmless, missing them is not.
        Raises PositionsMoved (nothing of ``rows`` was stored by this call, or all of it by an earlier
        one: read ``positions`` again), RowsInvalid, WarehouseUnavailable.
        """
        data = rows if isinstance(rows, pa.Table) else arrow(rows)
        with self._lock:
            if aliases:
                names = pa.Table.from_pylist([row._asdict() for row in aliases], schema=ALIASES)
                self._commit(self.aliases, lambda: self.aliases.append(names, ()))
            if len(data) or positions:
                self._commit(self.events, lambda: self._append(data, positions))

    def record_scores(self, site: str, day: date, rows: pa.Table) -> bool:
        """Store the snapshot of a site's day, once: see ``warehouse.tables.scores.record``. Raises
        WarehouseUnavailable."""
        done = False

        def write() -> None:
            nonlocal done
            done = record(self.scores, site, day, rows.cast(SCORES))

        with self._lock:
            self._commit(self.scores, write)
        return done

    def thin(self, today: date) -> int:
        """See ``Maintenance.thin``; for the schedule, every day."""
        return self._swept(Maintenance(self.path, self.storage_options).thin(today))

    def _append(self, data: pa.Table, positions: Mapping[tuple[str, int], int]) -> None:
        delta = self.events.create()
        ids = {_id(*key): (key, version) for key, version in positions.items()}
        # From here to the commit nobody can move a partition unnoticed: Delta refuses a commit whose app
        # transactions were also written by a version later than the one that `delta` shows.
        found = {name: delta.transaction_version(name) for name in ids}
        moved = {key: found[name] for name, (key, _) in ids.items() if found[name] != self._known.get(name)}
        if moved:
            raise PositionsMoved(moved)
        widths: dict[str, int] = {}
        for app, partition in positions:
            widths[app] = max(widths.get(app, 0), partition + 1)
        transactions = [Transaction(name, version) for name, (_, version) in ids.items()]
        for app, width in widths.items():
            if width > (delta.transaction_version(_width_id(app)) or 0):
                transactions.append(Transaction(_width_id(app), width))
        self.events.append(data, transactions)
        for name, (_, version) in ids.items():
            self._known[name] = version

    def _commit(self, table: Table, write: Callable[[], None]) -> None:
        """Try until others' commits leave room. A commit that landed although an error came back
        is seen in the positions of the next try."""
        pause = 0.02
        for attempt in range(ATTEMPTS):
            try:
                write()
                return
            except (DeltaError, OSError) as error:
                table.forget()
                if attempt == ATTEMPTS - 1:
                    raise WarehouseUnavailable(f"{table.uri}: {error}") from error
            time.sleep(pause)
            pause = min(pause * 2, 4.0)


def _id(app: str, partition: int) -> str:
    return json.dumps([app, partition])


def _width_id(app: str) -> str:
    """How many partitions of ``app`` to look for: Delta reads an app transaction by its full id only."""
    return json.dumps([app])


def _app_of(transaction_id: str) -> str:
    return str(json.loads(transaction_id)[0])
