"""The current ids of profiles and sessions: the aliases table with its chains followed to their ends."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from warehouse.index.scan import RenamedIds
from warehouse.index.stitched_visits import Sessions

if TYPE_CHECKING:
    import duckdb

ROUNDS = 20
"""Each round doubles the length that was followed: 2**20 links. Only a circle needs them all."""

KEPT = 4
"""Versions kept for queries that are about to start on one."""

# A profile's id is merged once: what a replay or a cookie that moved on says later changes nothing.
# A session may be cut anew by each late event, and a merge of customers undone: the last word counts.
_FIRST = """
create temp table chain as select site, joined as kind, old, arg_max(new, kind) as new, least(old, arg_max(new, kind))
as low from (
    select site, kind, old, case kind when 'merge' then 'profile' else kind end as joined,
           case kind when 'profile' then arg_min(new, (ts, new)) else arg_max(new, (ts, new)) end as new
    from alias_rows group by site, kind, old) where new <> old group by site, joined, old
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


# Sessions that were cut out of others, by owner: an id is eight letters of its owner, then its start in hex.
_CUTS = """
create or replace table cuts_{version} as
select site, owner, list(struct_pack(start := start, session := session) order by start) as cuts from (
    select distinct a.site, left(a.old, 8) as owner, ('0x' || substr(a.old, 9))::bigint as start,
           coalesce(n.new, a.old) as session
    from alias_rows a
    left join names_{version} n on n.site = a.site and n.kind = 'session' and n.old = a.old
    where a.kind = 'session' and a.old = a.new)
group by site, owner
"""

# Of the session that a row names and the last one cut out before the row's time, the later: ids of one owner sort
# by start. An id that the source gave has "-" after its owner, and is never cut.
_CUT = """case when of_cut.cuts is null or substr({events}.session, 9, 1) = '-' then {plain} else greatest({plain},
coalesce(list_filter(of_cut.cuts, lambda cut: cut.start <= {events}.ts)[-1].session, '')) end"""


class SiteAliases(NamedTuple):
    """One site's aliases: the version of the tables they stand in and the kinds that there are."""

    version: int
    kinds: tuple[str, ...]
    cut: bool = False  # whether there are sessions cut out of others

    def sql(self, events: str, text: str) -> tuple[str, str]:
        """For a select from ``events``: its replace clause and its joins, for the ids that ``text`` speaks of."""
        used = [kind for kind in self.kinds if re.search(rf"\b{kind}\b", text)]
        current = {kind: f"coalesce(of_{kind}.new, {events}.{kind})" for kind in used}
        joins = " ".join(self._join(kind, events) for kind in used)
        if self.cut and re.search(r"\bsession\b", text):
            plain = current.get("session", f"{events}.session")
            current["session"] = _CUT.format(events=events, plain=plain)
            joins += (
                f" left join (select owner, cuts from cuts_{self.version} where site = $scope_site) of_cut "
                f"on of_cut.owner = left({events}.session, 8)"
            )
        if not current:
            return "", ""
        columns = ", ".join(f"{expression} as {kind}" for kind, expression in current.items())
        return f" replace ({columns})", joins

    def _join(self, kind: str, events: str) -> str:
        return (
            f"left join (select old, new from names_{self.version} where site = $scope_site and kind = '{kind}') "
            f"of_{kind} on of_{kind}.old = {events}.{kind}"
        )

    def profiles(self, con: "duckdb.DuckDBPyConnection", site: str) -> RenamedIds:
        """The hashes of profile ids that are others now."""
        return self._renamed(con, site, "profile")[0]

    def former(self, con: "duckdb.DuckDBPyConnection", site: str, profile: str) -> pa.Table:
        """The ids (``id``, ``hash``) of whoever is ``profile`` now: that one and those that became part of it."""
        sql = f"""
            select id, hash(id) as hash from (select $profile as id union select old from names_{self.version}
            where site = $site and kind = 'profile' and new = $profile)
        """
        return con.sql(sql, params={"site": site, "profile": profile}).to_arrow_table()

    def sessions(self, con: "duckdb.DuckDBPyConnection", site: str) -> Sessions:
        """What became of session ids."""
        renamed, table = self._renamed(con, site, "session")
        texts = dict(zip(table["old"].to_pylist(), table["text"].to_pylist(), strict=True))
        cuts: dict[str, list[tuple[int, str, int]]] = {}
        if self.cut:
            sql = f"""
                select owner, cut.start, cut.session, hash(cut.session)
                from (select owner, unnest(cuts) as cut from cuts_{self.version} where site = $site) order by all
            """
            for owner, start, session, code in con.execute(sql, {"site": site}).fetchall():
                cuts.setdefault(owner, []).append((start, session, code))
        return Sessions(renamed, texts, cuts)

    def _renamed(self, con: "duckdb.DuckDBPyConnection", site: str, kind: str) -> tuple[RenamedIds, pa.Table]:
        sql = f"""
            select hash(old) as old, hash(new) as new, new as text from names_{self.version}
            where site = $site and kind = $kind order by 1
        """
        table = con.sql(sql, params={"site": site, "kind": kind}).to_arrow_table()
        return RenamedIds(table["old"].to_numpy(), table["new"].to_numpy()), table


class AliasCache:
    """Keeps the resolved aliases of the last version seen in a table of ``con``. Not thread-safe: the owner locks."""

    def __init__(self, con: "duckdb.DuckDBPyConnection") -> None:
        self._con = con
        self._version = -1
        self._kinds: dict[str, tuple[str, ...]] = {}
        self._cut: frozenset[str] = frozenset()

    def of(self, site: str, version: int, read: Callable[[], pa.Table]) -> SiteAliases:
        """The aliases of ``site`` as of ``version``, which ``read`` fetches when it is new."""
        if version != self._version:
            self._load(read(), version)
        return SiteAliases(version, self._kinds.get(site, ()), site in self._cut)

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
            cursor.execute(_CUTS.format(version=version))
            cut = cursor.execute(f"select distinct site from cuts_{version}").fetchall()
            pairs = cursor.execute(f"select distinct site, kind from names_{version} order by all").fetchall()
            tables = cursor.execute(
                "select table_name from duckdb_tables() where table_name like 'names\\_%' escape '\\'"
            ).fetchall()
            versions = sorted(int(table.removeprefix("names_")) for (table,) in tables)
            for old in versions[:-KEPT]:
                cursor.execute(f"drop table names_{old}; drop table if exists cuts_{old}")
        self._kinds, self._cut = {}, frozenset(site for (site,) in cut)
        for site, kind in pairs:
            self._kinds[site] = (*self._kinds.get(site, ()), kind)
        self._version = version
