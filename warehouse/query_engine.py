"""DuckDB over the live files of the Delta tables. The only file that imports duckdb."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeVar
from urllib.parse import unquote

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from warehouse.definitions.orders import ROWS
from warehouse.definitions.visits import LONGEST_MS
from warehouse.index.aliases import AliasCache, SiteAliases
from warehouse.index.encoded import QUERIES, EncodedEvents, encode
from warehouse.index.encoded_files import EncodedFiles
from warehouse.index.order_cache import OrderCache
from warehouse.index.scan import Scan
from warehouse.index.scan_cache import ScanCache
from warehouse.index.whole_visits import WholeVisits, visit_hashes
from warehouse.question.scope import Scope
from warehouse.running_query import register
from warehouse.tables.damage import Damage
from warehouse.tables.files import LiveFile
from warehouse.tables.integrity import damaged, known_sums, readable, unreadable
from warehouse.tables.schema import ALIASES, EVENTS, SCORES
from warehouse.tables.table import Table, WarehouseUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 4
"""Listings of the live files: between a listing and the read, a vacuum may take away a file."""

EXAMINED_SECONDS = 60.0
"""How long files in which no damage was found are not read again because of an error."""

PATIENCE = 120.0
"""Seconds after which a query is given up."""

_TRAILED = """
select site, session, profile, ts, position, id, type, name, path, title, channel, origin, medium, campaign, keyword,
       device, browser, os, country, coalesce(city, '') as city, lang, demo,
       coalesce(doubtful, false) as doubtful
from ({events}) where site = $scope_site and not bot
"""

_BOTS = "select profile from ({events}) where site = $scope_site and bot"

_SOURCES = {
    name: re.compile(rf"\b{name}\b")
    for name in ("events", "visit_events", "net_orders", "net_lines", "scores")
}
_WITH = re.compile(r"\s*with\b")
_PARAMETER = re.compile(r"\$(\w+)")
_GLOB = re.compile(r"[*?\[\]{}]")


class QueryTooLong(WarehouseUnavailable):
    """The query was given up. Ask for a shorter span."""


class QueryEngine:
    """Queries over one warehouse. Safe from many threads, which share ``threads`` cores and ``memory``."""

    def __init__(
        self,
        path: str,
        storage_options: Mapping[str, str] | None = None,
        threads: int = 2,
        memory: str = "2GB",
        on_damage: Callable[[Sequence[Damage]], None] = lambda _: None,
    ) -> None:
        """``on_damage`` is told of files that cannot be read, and are left out from then on."""
        self.local = "://" not in path
        self._events = Table(f"{path}/events", EVENTS, ["day"], storage_options)
        self._aliases = Table(f"{path}/aliases", ALIASES, [], storage_options)
        self._scores = Table(f"{path}/scores", SCORES, ["day"], storage_options)
        config: dict[str, Any] = {"threads": threads, "memory_limit": memory}
        config["preserve_insertion_order"] = False  # a fifth faster; who wants an order says so
        config["python_enable_replacements"] = False  # SQL reads no Python variables
        # What does not fit into memory must not lie about in the folder that we were started in.
        config["temp_directory"] = f"{path}/spill" if self.local else f"{gettempdir()}/dangol-spill"
        self._con = duckdb.connect(":memory:", config=config)
        # What a file of an earlier release lacks is NULL; and a warehouse without files has its columns.
        for name, schema in (("events", EVENTS), ("scores", SCORES)):
            self._con.register("nothing_yet", schema.empty_table())
            self._con.execute(f"create table no_{name} as from nothing_yet")
        self._names = AliasCache(self._con)
        self._encoded_files = EncodedFiles(Path(path) if self.local else None)
        self._scans = ScanCache(self._encoded_files, self._encode, self._over)
        self._orders = OrderCache(self._transitions)
        self._lock = threading.Lock()
        self._unreadable: set[str] = set()
        self._examined = -EXAMINED_SECONDS
        self.on_damage = on_damage

    def tables(
        self,
        queries: Mapping[str, str],
        scope: Scope,
        params: Mapping[str, Any] | None = None,
        prepared: Mapping[str, str] | None = None,
    ) -> dict[str, pa.Table]:
        """The answers to several queries over the same version of ``events``, by name.

        ``prepared`` are queries whose answers become tables that all later ones may read from.
        ``profile`` and ``session`` are the current ids. Raises WarehouseUnavailable, QueryTooLong.
        """
        return self._reading(
            scope, lambda cursor: self._answer(cursor, queries, scope, params or {}, prepared or {})
        )

    def table(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer to one query."""
        return self.tables({"": sql}, scope, params)[""]

    def rows(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The same, row by row, for small answers."""
        rows: list[dict[str, Any]] = self.table(sql, scope, params).to_pylist()
        return rows

    def scan(self, site: str, start: int, end: int) -> Scan:
        """The events of people on ``site`` with ``start`` ≤ ts < ``end``, as numbers, under their current ids.

        Raises WarehouseUnavailable, QueryTooLong.
        """
        scope = Scope(site, start, end)
        return self._reading(scope, lambda cursor: self._scans.scan(cursor, scope, *self._current(scope)))

    def visits(self, site: str, start: int, end: int) -> WholeVisits:
        """The visits of people on ``site`` that begin in ``start`` ≤ ts < ``end``, each whole, under current ids.

        Raises WarehouseUnavailable, QueryTooLong.
        """
        scope = Scope(site, start, end)
        return self._reading(scope, lambda cursor: self._scans.visits(cursor, scope, *self._current(scope)))

    def _reading(self, scope: Scope, ask: "Callable[[duckdb.DuckDBPyConnection], T]") -> T:
        """The answer, though files went since they were listed; without those that cannot be read, which ``on_damage``
        is told of."""
        for attempt in range(ATTEMPTS):
            cursor = self._con.cursor()
            try:
                with _patience(cursor), register(cursor):
                    return ask(cursor)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                if isinstance(error, duckdb.InterruptException):
                    raise
                stale = isinstance(error, (duckdb.IOException, duckdb.CatalogException, OSError))
                if stale and not attempt:
                    continue  # most likely a file went since it was listed
                if not self._set_aside(scope):
                    if not stale:
                        raise
                    if attempt == ATTEMPTS - 1:
                        raise WarehouseUnavailable(f"cannot read the events: {error}") from error
            finally:
                cursor.close()
        raise WarehouseUnavailable("cannot read the events: file after file is damaged")

    def _set_aside(self, scope: Scope) -> bool:
        """Whether there are more files in scope that cannot be read; reports go on without them."""
        if time.monotonic() < self._examined + EXAMINED_SECONDS:
            return False
        with self._lock:
            found = [each for table in (self._events, self._scores) for each in self._damage(table, scope)]
            self._unreadable |= {each.path for each in found}
        if not found:
            self._examined = time.monotonic()
        else:
            logger.error("reports go on without what cannot be read: %s", "; ".join(map(str, found)))
            self.on_damage(found)
        return bool(found)

    def _damage(self, table: Table, scope: Scope) -> list[Damage]:
        """The live files in scope that cannot be read."""
        known = known_sums(table)
        found = [
            damaged(table, file, why)
            for file in self._live(table)
            if scope.overlaps(file.day, file.first, file.last)
            if (why := unreadable(table, file, known.get(file.path)))
        ]
        # One that went since it was listed is not live any more; one that is, and is gone, is damage.
        live = {file.path for file in self._live(table)}
        return [each for each in found if each.path in live]

    def sweep(self) -> int:
        """Delete the blocks of files that are gone; how many."""
        with self._lock:
            _, files = self._events.files()
        self._scans.forget()
        self._orders.forget()
        return self._encoded_files.sweep(files)

    def _over(self, sql: str, tables: Mapping[str, pa.Table], params: Mapping[str, Any]) -> pa.Table:
        """The answer to ``sql`` over ``tables``."""
        with self._con.cursor() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            return cursor.sql(sql, params=dict(params)).to_arrow_table()

    def close(self) -> None:
        self._con.close()

    def _answer(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        queries: Mapping[str, str],
        scope: Scope,
        params: Mapping[str, Any],
        prepared: Mapping[str, str],
    ) -> dict[str, pa.Table]:
        spoken = " ".join((*prepared.values(), *queries.values()))
        sources, given = self._sources(cursor, spoken, scope)
        given |= params

        def complete(sql: str) -> tuple[str, dict[str, Any]]:
            text, used = sql, {name for name in sources if _SOURCES[name].search(sql)}
            if used:
                used |= {"net_orders"} if "net_lines" in used else set()
                tables = ", ".join(
                    f"{name} as ({source})" for name, source in sources.items() if name in used
                )
                own = _WITH.match(sql)
                text = f"with {tables}" + (f", {sql[own.end() :]}" if own else f" {sql}")
            return text, {name: given[name] for name in set(_PARAMETER.findall(text))}

        for name, sql in prepared.items():
            text, values = complete(sql)
            cursor.execute(f"create temp table {name} as {text}", values)
        answers = {}
        for name, sql in queries.items():
            text, values = complete(sql)
            # A relation, not a cursor's result: DuckDB copies the rows of the latter once more.
            answers[name] = cursor.sql(text, params=values).to_arrow_table()
        return answers

    def _sources(
        self, cursor: "duckdb.DuckDBPyConnection", sql: str, scope: Scope
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """SQL of each source in scope that ``sql`` reads from, and its parameters."""
        files, aliased = self._current(scope)
        sources, given = {}, dict[str, Any]()
        if scope.people is not None:
            cursor.register("scope_people", scope.people)
        if _SOURCES["events"].search(sql):
            sources["events"], given = self._source(cursor, sql, scope, files, aliased)
        if _SOURCES["visit_events"].search(sql):
            sources["visit_events"], more = self._visit_source(cursor, sql, scope, files, aliased)
            given |= more
        if _SOURCES["scores"].search(sql):
            sources["scores"], more = self._score_source(cursor, scope, aliased)
            given |= more
        if _SOURCES["net_orders"].search(sql) or _SOURCES["net_lines"].search(sql):
            if not scope.currency:
                raise ValueError("orders add up in the site's own currency only: the scope must name it")
            orders = self._orders.folded(cursor, scope.site, scope.currency, files, aliased)
            cursor.register("all_net_orders", orders.orders)
            cursor.register("all_net_lines", orders.lines)
            mine = "and profile = $scope_person" if scope.person else ""
            sources["net_orders"] = (
                f"select * from all_net_orders where ts >= $scope_start and ts < $scope_end {mine} "
                f"and ({scope.where})"
            )
            sources["net_lines"] = "select * from all_net_lines where key in (select key from net_orders)"
            given |= {"scope_start": scope.start, "scope_end": scope.end, "scope_person": scope.person}
            given |= dict(scope.params)
        return sources, given

    def _source(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        sql: str,
        scope: Scope,
        files: list[LiveFile],
        aliased: SiteAliases,
    ) -> tuple[str, dict[str, Any]]:
        """SQL of the events in scope, and its parameters."""
        files = [file for file in files if scope.overlaps(file.day, file.first, file.last)]
        given: dict[str, Any] = {"scope_site": scope.site, "scope_start": scope.start, "scope_end": scope.end}
        mine = ""
        if scope.person:
            ids = aliased.former(cursor, scope.site, scope.person)
            files = self._holding(scope.site, files, ids["hash"].to_numpy())
            given |= {f"scope_id{number}": name for number, name in enumerate(ids["id"].to_pylist())}
            mine = f"and e.profile in ({', '.join(f'$scope_id{number}' for number in range(len(ids)))})"
        events, files_given = self._relation(cursor, files)
        given |= files_given
        replaced, joins = aliased.sql("e", f"{sql} {scope.where}")
        bots = "" if scope.bots else "and not e.bot"
        inner = (
            f"select e.*{replaced} from ({events}) e {joins} "
            f"where e.site = $scope_site and e.ts >= $scope_start and e.ts < $scope_end {bots} {mine}"
        )
        if scope.where != "true":
            inner = f"select * from ({inner}) where {scope.where}"
            given |= dict(scope.params)
        return inner, given

    def _visit_source(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        sql: str,
        scope: Scope,
        files: list[LiveFile],
        aliased: SiteAliases,
    ) -> tuple[str, dict[str, Any]]:
        """SQL of the events of the visits in scope, and its parameters."""
        visits = scope.visits
        if visits is None:
            visits = visit_hashes(self._scans.visits(cursor, scope, files, aliased))
        wide = scope.wide(LONGEST_MS)
        files = [file for file in files if wide.overlaps(file.day, file.first, file.last)]
        events, given = self._relation(cursor, files, "visit")
        given |= {"scope_site": scope.site, "visit_start": wide.start, "visit_end": wide.end}
        replaced, joins = aliased.sql("e", f"{sql} session")
        cursor.register("scope_visits", visits)
        return (
            f"select * from (select e.*{replaced} from ({events}) e {joins} where e.site = $scope_site "
            "and e.ts >= $visit_start and e.ts < $visit_end and not e.bot) "
            "where session <> '' and hash(session) in (select session from scope_visits)"
        ), given

    def _score_source(
        self, cursor: "duckdb.DuckDBPyConnection", scope: Scope, aliased: SiteAliases
    ) -> tuple[str, dict[str, Any]]:
        """SQL of the scores in scope, and its parameters: of each day one row for whoever is one person now."""
        with self._lock:
            files = [each for each in self._live(self._scores) if each.site in ("", scope.site)]
        files = [file for file in files if scope.overlaps(file.day, file.first, file.last)]
        scores, given = self._relation(cursor, files, "score", self._scores)
        given |= {"scope_site": scope.site, "scope_start": scope.start, "scope_end": scope.end}
        replaced, joins = aliased.sql("e", "profile")
        mine = ""
        if scope.person:
            ids = aliased.former(cursor, scope.site, scope.person)["id"].to_pylist()
            given |= {f"score_id{number}": name for number, name in enumerate(ids)}
            mine = f"and e.profile in ({', '.join(f'$score_id{number}' for number in range(len(ids)))})"
        sql = (
            f"select e.*{replaced} from ({scores}) e {joins} where e.site = $scope_site "
            f"and e.ts >= $scope_start and e.ts < $scope_end {mine}"
        )
        one = "qualify row_number() over (partition by day, profile order by f desc, m desc, ts desc) = 1"
        return f"from ({sql}) {one}" if replaced else sql, given

    def _current(self, scope: Scope) -> tuple[list[LiveFile], SiteAliases]:
        """The live files, and the site's aliases."""
        with self._lock:
            files = self._live()
            version, _ = self._aliases.files()
            return files, self._names.of(scope.site, max(version, 0), self._read_names)

    def _encode(self, cursor: "duckdb.DuckDBPyConnection", site: str, files: list[LiveFile]) -> EncodedEvents:
        events, given = self._relation(cursor, files)
        given["scope_site"] = site
        cursor.execute(f"create or replace temp table found as {_TRAILED.format(events=events)}", given)
        try:
            cursor.execute(f"create or replace temp table found_bots as {_BOTS.format(events=events)}", given)
            return encode({name: cursor.sql(sql).to_arrow_table() for name, sql in QUERIES.items()})
        finally:
            cursor.execute("drop table if exists found; drop table if exists found_bots")

    def _transitions(self, cursor: "duckdb.DuckDBPyConnection", site: str, files: list[LiveFile]) -> pa.Table:
        events, given = self._relation(cursor, files)
        return cursor.sql(ROWS.format(events=events), params={**given, "scope_site": site}).to_arrow_table()

    def _holding(self, site: str, files: list[LiveFile], ids: NDArray[np.uint64]) -> list[LiveFile]:
        """The files that may hold rows of these profiles, as far as blocks tell."""
        large = ((file, self._encoded_files.known(site, file)) for file in files)
        return [file for file, block in large if block is None or block.holds(ids)]

    def _relation(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        files: list[LiveFile],
        name: str = "scope",
        table: Table | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """SQL of all rows of the table's files (of the events'), and its parameters."""
        table = table or self._events
        rows = f"from no_{table.name}"
        if files and self.local and not any(_GLOB.search(file.uri) for file in files):
            rows += f" union all by name from read_parquet(${name}_files, union_by_name=true)"
            return rows, {f"{name}_files": [file.uri for file in files]}
        if files:
            cursor.register(f"{name}_dataset", self._dataset(table, files))
            rows += f" union all by name from {name}_dataset"
        return rows, {}

    def _live(self, table: Table | None = None) -> list[LiveFile]:
        """The table's live files (the events') that can be read."""
        return [file for file in (table or self._events).files()[1] if file.path not in self._unreadable]

    def _read_names(self) -> pa.Table:
        parts = [ALIASES.empty_table()]
        broken: dict[LiveFile, str] = {}
        for file in self._aliases.files()[1]:
            rows, why = readable(self._aliases, file.path)
            parts.append(rows.select(ALIASES.names).cast(ALIASES))
            if why:
                broken[file] = why
        if broken.keys() - set(self._aliases.files()[1]):
            raise FileNotFoundError("files of the aliases went while they were read")
        if broken:
            self.on_damage([damaged(self._aliases, file, why) for file, why in broken.items()])
        return pa.concat_tables(parts)

    def _dataset(self, table: Table, files: list[LiveFile]) -> "ds.Dataset":
        """Object storage through Delta's own client, which knows the credentials; and paths with glob signs,
        which DuckDB would take for patterns. Three times slower than DuckDB's reader."""
        with self._lock:
            delta = table.open()
            assert delta is not None
            dataset = delta.to_pyarrow_dataset(schema=pa.schema(delta.schema().to_arrow()))
        paths = {file.path for file in files}
        fragments = [each for each in dataset.get_fragments() if unquote(each.path) in paths]
        if len(fragments) < len(paths):
            raise FileNotFoundError(f"files of the {table.name} went since they were listed")
        return ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)


@contextmanager
def _patience(cursor: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """Interrupt the cursor's queries after PATIENCE."""
    timer = threading.Timer(PATIENCE, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise QueryTooLong(f"the query took longer than {PATIENCE:.0f} s") from error
    finally:
        timer.cancel()
        timer.join()
