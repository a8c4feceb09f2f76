"""The import of access logs: blocks of lines into the warehouse, each page view once however often it is read.

A commit carries a number that only one import can move on from where it found it (a Delta app transaction): of two
imports at once the second looks again at what is stored. Killed at any moment, an import is run again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_lines import blocks, opened
from ingest.access_log import DAY_MS, FATES, HITS, AccessLog, Choice
from ingest.access_rows import STORED, made
from warehouse.delta import PositionsMoved, WarehouseUnavailable
from warehouse.schema import AliasRow
from warehouse.scope import Scope

PORTION = 400_000
"""Page views of one commit: some 300 MB of memory."""
ATTEMPTS = 20

_STORED = """
select ts, id, visitor, url, path, referrer, device, browser, os, country, bot, session
from events where source = 'log' and visitor is not null
"""


class Warehouse(Protocol):
    """What of the warehouse an import needs; ``warehouse.delta.Warehouse`` has it."""

    def positions(self, app: str) -> dict[int, int]: ...

    def table(self, sql: str, scope: Scope) -> pa.Table: ...

    def append(
        self, rows: pa.Table, aliases: Sequence[AliasRow], positions: Mapping[tuple[str, int], int]
    ) -> None: ...


class Summary(NamedTuple):
    """Lines read, why some were filtered, page views counted, and how many of those were stored before."""

    lines: int
    fates: dict[str, int]
    counted: int
    added: int
    host: str

    @property
    def known(self) -> int:
        return self.counted - self.added


class Importer:
    """Imports files one after another. ``clock`` in seconds."""

    def __init__(self, warehouse: Warehouse, choice: Choice, clock: Callable[[], float] = time.time) -> None:
        self.warehouse, self.choice, self.clock = warehouse, choice, clock
        self.app = f"access log {choice.site.id}"
        self._waiting: list[pa.Table] = []
        self._views = 0

    def file(
        self, name: str, progress: Callable[[int, int], Any] = lambda _position, _lines: None
    ) -> Summary:
        """Import the file ``name``, ``-`` for standard input; return when its views are stored.

        ``progress`` is told the position in the file, in bytes, and the lines read. Raises LogUnreadable (what
        came before the broken place is stored) and WarehouseUnavailable.
        """
        log, counted, added = AccessLog(self.choice), 0, 0
        with opened(name) as (stream, raw):
            try:
                for block in blocks(stream, name):
                    hits = log.hits(block)
                    counted += len(hits)
                    added += self._keep(hits)
                    progress(raw.tell() if raw.seekable() else 0, log.lines)
            finally:
                added += self._store()
        return Summary(log.lines, {fate: log.fates[fate] for fate in FATES}, counted, added, log.host or "")

    def _keep(self, hits: pa.Table) -> int:
        self._waiting.append(hits)
        self._views += len(hits)
        return self._store() if self._views >= PORTION else 0

    def _store(self) -> int:
        """Append what waits and is not stored; how many views that were."""
        hits = pa.concat_tables([HITS.empty_table(), *self._waiting])
        self._waiting, self._views = [], 0
        if not len(hits):
            return 0
        bounds = pc.min_max(hits["ts"])
        # Visitors are of one day, so whole days hold everything that sessions may need.
        first, last = (bounds[name].as_py() // DAY_MS for name in ("min", "max"))
        scope = Scope(self.choice.site.id, first * DAY_MS, (last + 1) * DAY_MS, bots=True)
        for _ in range(ATTEMPTS):
            position = self.warehouse.positions(self.app).get(0, -1)
            stored = self.warehouse.table(_STORED, scope).select(STORED.names).cast(STORED)
            rows, aliases = made(hits, stored, self.choice.site, int(self.clock() * 1000))
            if not len(rows):
                return 0
            try:
                self.warehouse.append(rows, aliases, {(self.app, 0): position + 1})
            except PositionsMoved:
                continue
            return len(rows)
        raise WarehouseUnavailable("other imports of this site always came first")
