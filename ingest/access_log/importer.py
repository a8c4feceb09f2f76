"""The import of access logs: blocks of lines into the warehouse, each page view once however often it is read.

A commit carries a number that only one import can move on from where it found it (a Delta app transaction): of two
imports at once the second looks again at what is stored. Killed at any moment, an import is run again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_log.clients import ENOUGH_LINES, HALF, is_proxy
from ingest.access_log.formats.detection import FormatMismatch, recognised
from ingest.access_log.lines import blocks, opened
from ingest.access_log.memory import free_memory
from ingest.access_log.page_views import FATES, HITS, BlockResult, ImportOptions
from ingest.access_log.reader import AccessLogReader
from ingest.access_log.rows import STORED, made
from profiles.erasures import Erased, NobodyErased
from profiles.ids import visitor_id
from tracker.durations import DAY_MS
from warehouse.delta import PositionsMoved, WarehouseUnavailable
from warehouse.question.scope import Scope
from warehouse.tables.schema import AliasRow

PORTION = 100_000
"""Page views that are stored even though their day may go on: some 100 MB of memory."""
ENOUGH = 20_000
"""Page views of days that are over, which make a commit worthwhile."""
ATTEMPTS = 20
UNFIT_SHARE, UNFIT_LINES = 0.25, 20
"""Of a block's lines, and how many at least, those in another format that make the file refused from there on."""
AGENTS = 5
"""User agents that more than one household has: their address is a proxy's, or of a network."""

_KNOWN = "select id from events where source = 'log'"
_STORED = """
select ts, id, visitor, url, path, referrer, device, browser, os, country, city, bot, null::smallint as status, session
from events where source = 'log' and visitor is not null
"""


class ImportWarehouse(Protocol):
    """What of the warehouse an import needs; ``warehouse.delta.Warehouse`` has it."""

    def positions(self, app: str) -> dict[int, int]: ...

    def has_days(self, first: int, last: int) -> bool: ...

    def table(self, sql: str, scope: Scope) -> pa.Table: ...

    def append(
        self, rows: pa.Table, aliases: Sequence[AliasRow], positions: Mapping[tuple[str, int], int]
    ) -> None: ...


class ImportSummary(NamedTuple):
    """Lines read, why some were filtered, page views counted, and how many of those were stored before.

    ``examples``: some lines that are not in the format, with their numbers. ``erased``: views of people who were
    forgotten since. ``fetches``: pages that agents read, those stored before included; ``fates`` counts them, too, as
    bots or errors. ``format``: how the lines were read. ``first``, ``last``: the times of the views, in ms, 0 for
    none. ``shared``: the network that more than half of the views have for their client's and that seems to be a
    proxy's, "" for nobody's; None for none. ``forwards``: whether the lines have forwarded addresses.
    """

    lines: int
    fates: dict[str, int]
    counted: int
    added: int
    host: str
    examples: tuple[tuple[int, str], ...] = ()
    erased: int = 0
    format: str = ""
    first: int = 0
    last: int = 0
    shared: str | None = None
    forwards: bool = False
    fetches: int = 0

    @property
    def known(self) -> int:
        return self.counted - self.added - self.erased


class Importer:
    """Imports files one after another. ``clock`` in seconds."""

    def __init__(
        self,
        warehouse: ImportWarehouse,
        choice: ImportOptions,
        erased: Erased | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.warehouse, self.choice, self.clock = warehouse, choice, clock
        self.erased = erased or NobodyErased()
        self.app = f"access log {choice.site.id}"

    def file(
        self, name: str, progress: Callable[[int, int], Any] = lambda _position, _lines: None
    ) -> ImportSummary:
        """Import the file ``name``, ``-`` for standard input; return when its views are stored.

        ``progress`` is told the position in the file, in bytes, and the lines read. Raises LogUnreadable (what
        came before the broken place is stored), FormatMismatch (nothing is), ProfilesUnavailable and
        WarehouseUnavailable.
        """
        # What is read is stored beside: Arrow and Parquet leave Python to the reader.
        stored: list[Future[StoredViews]] = []
        with opened(name) as (stream, raw), ThreadPoolExecutor(1, "store") as beside:
            source = blocks(stream, name)
            first = next(source, b"")
            reading = recognised(first, self.choice.form, self.choice.zone, name)
            choice = self.choice._replace(form=reading.form, proxies=reading.proxies)
            log, counted, fetches, waiting = AccessLogReader(choice), 0, 0, HITS.empty_table()
            lines = reading.lines(chain(filter(None, [first]), source), choice.zone)
            try:
                for block in lines:
                    portion = log.read(block)
                    _refuse_unfit(name, log.lines, portion, reading.name)
                    hits = log.take(portion)
                    fetched = pc.sum(hits["bot"]).as_py() or 0
                    fetches, counted = fetches + fetched, counted + len(hits) - fetched
                    ready, waiting = _over(pa.concat_tables([waiting, hits]))
                    if len(ready):
                        wait(stored[-1:])  # one at a time is in memory
                        stored.append(beside.submit(self._store, ready))
                    progress(raw.tell() if raw.seekable() else 0, log.lines)
            finally:
                stored.append(beside.submit(self._store, waiting))
                done = [each.result() for each in stored]
        added, erased = (sum(each) for each in zip(*done, strict=True))
        return ImportSummary(
            lines=log.lines,
            fates={fate: log.fates[fate] for fate in FATES},
            counted=counted,
            added=added,
            host=log.host or "",
            examples=tuple(log.examples),
            erased=erased,
            format=reading.name,
            first=log.first,
            last=log.last,
            shared=_shared(log.clients, counted),
            forwards="forwarded" in reading.form.fields,
            fetches=fetches,
        )

    def _store(self, hits: pa.Table) -> "StoredViews":
        """Append what is not stored."""
        theirs = self._forgotten(hits)
        erased = pc.sum(pc.and_not(theirs, hits["bot"])).as_py() or 0
        hits = hits.filter(pc.invert(theirs))
        if not len(hits):
            return StoredViews(0, erased)
        bounds = pc.min_max(hits["ts"])
        # Visitors are of one day, so whole days hold everything that sessions may need.
        first, last = (bounds[name].as_py() // DAY_MS for name in ("min", "max"))
        scope = Scope(self.choice.site.id, first * DAY_MS, (last + 1) * DAY_MS, bots=True)
        for _ in range(ATTEMPTS):
            position = self.warehouse.positions(self.app).get(0, -1)
            stored = STORED.empty_table()
            if self.warehouse.has_days(first, last):
                known = self.warehouse.table(_KNOWN, scope)["id"].combine_chunks()
                if pc.all(pc.is_in(hits["id"], known)).as_py():
                    break
                if len(known):
                    stored = self.warehouse.table(_STORED, scope).select(STORED.names).cast(STORED)
            rows, aliases = made(hits, stored, self.choice.site, int(self.clock() * 1000))
            if not len(rows):
                break
            try:
                self.warehouse.append(rows, aliases, {(self.app, 0): position + 1})
            except PositionsMoved:
                continue
            free_memory()
            return StoredViews(len(rows) - (pc.sum(rows["bot"]).as_py() or 0), erased)
        else:
            raise WarehouseUnavailable("other imports of this site always came first")
        return StoredViews(0, erased)

    def _forgotten(self, hits: pa.Table) -> pa.ChunkedArray:
        """Which views are of somebody who was erased since: as long as the mark stays, no import brings them back."""
        site, cutoffs = self.choice.site.id, self.erased.cutoffs(self.choice.site.id)
        if not len(hits) or pc.min(hits["ts"]).as_py() > cutoffs.newest:
            return pa.chunked_array([pa.repeat(False, len(hits))])
        # The server received what it wrote down when it says so.
        marked = [
            who
            for who in pc.unique(hits["visitor"]).to_pylist()
            if cutoffs.cover(site, (visitor_id(who),), 0)
        ]
        theirs = pc.is_in(hits["visitor"], pa.array(marked, pa.string()))
        if not marked:
            return theirs
        covered = [
            theirs_too and cutoffs.cover(site, (visitor_id(who),), ts)
            for theirs_too, who, ts in zip(
                theirs.to_pylist(), hits["visitor"].to_pylist(), hits["ts"].to_pylist(), strict=True
            )
        ]
        return pa.chunked_array([pa.array(covered, pa.bool_())])


class StoredViews(NamedTuple):
    """How many views were new, and how many of people who are forgotten."""

    added: int
    erased: int


def _refuse_unfit(name: str, before: int, portion: BlockResult, form: str) -> None:
    """Raises FormatMismatch where too many lines of a block are in another format than the file's first ones.

    ``before``: the lines before the block."""
    told = portion.lines - portion.fates["comment"]
    if portion.unfit < UNFIT_LINES or portion.unfit <= UNFIT_SHARE * told:
        return
    number, text = portion.examples[0]
    raise FormatMismatch(
        f"{name}: {portion.unfit:,} of the {told:,} lines from line {before + 1:,} on are not in the format of the "
        f"first ones ({form}). Line {before + number:,}: {text}\n"
        "Nothing from there on was imported. Import parts in different formats as files of their own."
    )


def _shared(clients: Mapping[str, tuple[int, int]], views: int) -> str | None:
    """``ImportSummary.shared``."""
    proxies = sum(count for network, (count, _) in clients.items() if is_proxy(network))
    network, (count, agents) = max(clients.items(), key=lambda each: each[1], default=("", (0, 0)))
    if proxies > HALF * views:
        return next(each for each in sorted(clients, key=lambda name: -clients[name][0]) if is_proxy(each))
    many = count >= ENOUGH_LINES and agents >= AGENTS
    return network if count > HALF * views and (many or not network) else None


def _over(hits: pa.Table) -> tuple[pa.Table, pa.Table]:
    """What to store now, and what may wait: the newest day of a log is likely to go on, and whole days are stored
    with the least looking back."""
    if len(hits) < ENOUGH:
        return HITS.empty_table(), hits
    newest = pc.max(hits["ts"]).as_py() // DAY_MS * DAY_MS
    over = pc.less(hits["ts"], newest)
    ready = hits.filter(over)
    if len(ready) >= ENOUGH:
        return ready, hits.filter(pc.invert(over))
    return (hits, HITS.empty_table()) if len(hits) >= PORTION else (HITS.empty_table(), hits)
