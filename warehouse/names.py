"""The current ids of profiles and sessions: the aliases table with its chains followed to their ends."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

ROUNDS = 20
"""Each round doubles the length that was followed: 2**20 links. Only a circle needs them all."""

KEPT = 4
"""Versions kept for queries that are about to start on one."""

# A profile's id is merged once: what a replay or a cookie that moved on says later changes nothing.
# A session may be cut anew by each late event: the last word counts.
_FIRST = """
create temp table chain as select site, kind, old, new, least(old, new) as low from (
    select site, kind, old, case kind when 'profile' then arg_min(new, (ts, new)) else arg_max(new, (ts, new)) end
           as new
    from alias_rows group by site, kind, old) where new <> old
"""

# ``low`` is the smallest id met on the way: in a circle it ends up as the same id everywhere.
_DOUBLE = """
create or replace temp table chain as
select c.site, c.kind, c.old, coalesce(n.new, c.new) as new, least(c.low, coalesce(n.low, c.low)) as low
from chain c left join chain n on n.site = c.site and n.kind = c.kind and n.old = c.new
"""

_FURTHER = "from chain c join chain n on n.site = c.site and n.kind = c.kind and n.old = c.new"

_CIRCLES = f"""
create or replace temp table chain as
select c.site, c.kind, c.old, coalesce(n.low, c.new) as new, c.low {_FURTHER.replace(" join", " left join")}
"""


class Aliased(NamedTuple):
    """One site's aliases: the table they stand in and the kinds that there are."""

    table: str
    kinds: tuple[str, ...]

    def sql(self, events: str, text: str) -> tuple[str, str]:
        """For a select from ``events``: its replace clause and its joins, for the ids that ``text`` speaks of."""
        used = [kind for kind in self.kinds if re.search(rf"\b{kind}\b", text)]
        if not used:
            return "", ""
        columns = ", ".join(f"coalesce(of_{kind}.new, {events}.{kind}) as {kind}" for kind in used)
        joins = " ".join(
            f"left join (select old, new from {self.table} where site = $scope_site and kind = '{kind}') "
            f"of_{kind} on of_{kind}.old = {events}.{kind}"
            for kind in used
        )
        return f" replace ({columns})", joins


class Names:
    """Keeps the resolved aliases of the last version seen in a table of ``con``. Not thread-safe: the owner locks."""

    def __init__(self, con: "duckdb.DuckDBPyConnection") -> None:
        self._con = con
        self._version = -1
        self._kinds: dict[str, tuple[str, ...]] = {}

    def of(self, site: str, version: int, read: Callable[[], pa.Table]) -> Aliased:
        """The aliases of ``site`` as of ``version``, which ``read`` fetches when it is new."""
        if version != self._version:
            self._load(read(), version)
        return Aliased(f"names_{version}", self._kinds.get(site, ()))

    def _load(self, rows: pa.Table, version: int) -> None:
        with self._con.cursor() as cursor:
            cursor.register("alias_rows", rows)
            cursor.execute(_FIRST)
            for _ in range(ROUNDS):
                if not cursor.execute(f"select 1 {_FURTHER} limit 1").fetchall():
                    break
                cursor.execute(_DOUBLE)
            cursor.execute(_CIRCLES)
            cursor.execute(
                f"create or replace table names_{version} as select site, kind, old, new from chain"
            )
            pairs = cursor.execute(f"select distinct site, kind from names_{version} order by all").fetchall()
            tables = cursor.execute(
                "select table_name from duckdb_tables() where table_name like 'names\\_%' escape '\\'"
            ).fetchall()
            for (table,) in sorted(tables, key=lambda row: int(row[0].removeprefix("names_")))[:-KEPT]:
                cursor.execute(f"drop table {table}")
        self._kinds = {}
        for site, kind in pairs:
            self._kinds[site] = (*self._kinds.get(site, ()), kind)
        self._version = version
