"""The orders of each site, folded from all their transitions, whenever these came; kept until another one comes.

An order's transitions lie in many files: it may be refunded months later. They are few, so those of each day are kept,
and only files that are new are read.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tracker.durations import DAY_MS
from warehouse.definitions.orders import NET_LINES, NET_ORDERS
from warehouse.index.aliases import SiteAliases
from warehouse.tables.files import LiveFile

if TYPE_CHECKING:
    import duckdb

Read = Callable[["duckdb.DuckDBPyConnection", str, list[LiveFile]], pa.Table]
"""The transitions (``warehouse.definitions.orders.ROWS``) of a site in some files."""

FOLDS_CACHED = 16
"""Folds kept, of sites and currencies."""

_EPOCH = date(1970, 1, 1)
_STANDING = "with standing as (select key, state from net_of_all where state <> 'cancelled'),"
_LINES = _STANDING + NET_LINES.strip().removeprefix("with")


class _DayRows(NamedTuple):
    paths: frozenset[str]
    rows: pa.Table


class _FoldKey(NamedTuple):
    site: str
    own: str
    aliases: int  # their version
    rows: int  # their identity


class Folded(NamedTuple):
    """The answers to NET_ORDERS and NET_LINES."""

    orders: pa.Table
    lines: pa.Table


class OrderCache:
    """What is kept here is replaced as a whole, never changed: threads that come together make the same twice."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._days: dict[str, dict[date | None, _DayRows]] = {}
        self._rows: dict[str, pa.Table] = {}
        self._folded: list[tuple[_FoldKey, pa.Table, Folded]] = []

    def folded(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        site: str,
        own: str,
        files: Sequence[LiveFile],
        aliased: SiteAliases,
    ) -> Folded:
        """All orders of ``site``, whose currency is ``own``, in the live ``files``."""
        rows = self._transitions(cursor, site, files)
        key = _FoldKey(site, own, aliased.version, id(rows))
        made = next((made for known, _, made in self._folded if known == key), None)
        if made is None:
            made = _fold(cursor, rows, site, own, aliased)
        others = [each for each in self._folded if each[0][:2] != key[:2]]
        self._folded = [(key, rows, made), *others][:FOLDS_CACHED]
        return made

    def forget(self) -> None:
        """Keep nothing."""
        self._days, self._rows, self._folded = {}, {}, []

    def _transitions(
        self, cursor: "duckdb.DuckDBPyConnection", site: str, files: Sequence[LiveFile]
    ) -> pa.Table:
        """Those in ``files``: the same table as before while there is none new."""
        files = [file for file in files if file.site in ("", site)]
        days, known, rows = _by_day(files), self._days.get(site, {}), self._rows.get(site)
        kept = {day: known[day] for day in days if day in known and known[day].paths <= _paths(days[day])}
        new = [
            file
            for day, each in days.items()
            for file in each
            if day not in kept or file.path not in kept[day].paths
        ]
        if rows is not None and not new and kept.keys() == known.keys():
            return rows
        found = self._read(cursor, site, new).sort_by("ts") if new else None
        made = {}
        for day, mine in days.items():
            of_day = [kept[day].rows] if day in kept else []
            if found is not None and (day not in kept or _paths(mine) != kept[day].paths):
                of_day.append(_of_day(found, day))
            # The first time a day is a part of what was read, not a copy of it.
            both = pa.concat_tables(of_day).combine_chunks() if len(of_day) > 1 else of_day[0]
            made[day] = _DayRows(_paths(mine), both)
        if rows is None or kept.keys() != known.keys() or (found is not None and len(found)):
            parts = [each.rows for each in kept.values()] + ([found] if found is not None else [])
            rows = pa.concat_tables(parts) if parts else self._read(cursor, site, [])
        self._days[site], self._rows[site] = made, rows
        return rows


def _fold(
    cursor: "duckdb.DuckDBPyConnection", rows: pa.Table, site: str, own: str, aliased: SiteAliases
) -> Folded:
    replaced, joins = aliased.sql("e", "profile session")
    cursor.register("transitions", rows)
    kind = "table" if joins else "view"  # a copy only where the names in there are others now
    params = {"scope_site": site} if joins else {}
    try:
        cursor.execute(
            f"create or replace temp {kind} order_rows as select e.*{replaced} from transitions e {joins}",
            params,
        )
        orders = cursor.sql(NET_ORDERS, params={"own": own}).to_arrow_table()
        cursor.register("net_of_all", orders)
        return Folded(orders, cursor.sql(_LINES).to_arrow_table())
    finally:
        cursor.execute(f"drop {kind} if exists order_rows")
        cursor.unregister("net_of_all")
        cursor.unregister("transitions")


def _by_day(files: Sequence[LiveFile]) -> dict[date | None, list[LiveFile]]:
    """All together where the day of one is not known."""
    told = all(file.day is not None for file in files)
    days: dict[date | None, list[LiveFile]] = {}
    for file in files:
        days.setdefault(file.day if told else None, []).append(file)
    return days


def _paths(files: Iterable[LiveFile]) -> frozenset[str]:
    return frozenset(file.path for file in files)


def _of_day(rows: pa.Table, day: date | None) -> pa.Table:
    """``rows`` are by ``ts``."""
    if day is None:
        return rows
    start = (day - _EPOCH).days * DAY_MS
    first, end = np.searchsorted(rows["ts"].to_numpy(), (start, start + DAY_MS))
    return rows.slice(first, end - first)
