"""Any report of only some visits: the same queries, over fewer events."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from warehouse.scope import Events, Scope
from warehouse.span import Span
from warehouse.steps import Step

EQUAL = ("channel", "device", "country", "origin", "campaign")
"""Columns of which every event says what is true of its whole visit."""

BETWEEN = "\x1f"
"""Between ids in one parameter: as a list they take DuckDB a hundred times as long to read. No id holds it."""

NOBODY = "\x1e"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """``events`` of which only those count that fulfil ``where`` (SQL, with its parameters)."""

    events: Events
    where: str
    params: Mapping[str, Any]

    def tables(
        self,
        queries: Mapping[str, str],
        scope: Scope,
        params: Mapping[str, Any] | None = None,
        prepared: Mapping[str, str] | None = None,
    ) -> dict[str, pa.Table]:
        return self.events.tables(queries, self._within(scope), params, prepared)

    def table(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> pa.Table:
        return self.events.table(sql, self._within(scope), params)

    def rows(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return self.events.rows(sql, self._within(scope), params)

    def _within(self, scope: Scope) -> Scope:
        params = (*scope.params, *self.params.items())
        return replace(scope, where=f"({scope.where}) and ({self.where})", params=params)


def narrowed(
    events: Events,
    site: str,
    span: Span,
    equal: Mapping[str, str],
    page: Step | None = None,
    people: Collection[str] | None = None,
) -> Events:
    """The events of visits of which each column of ``equal`` (of EQUAL) is so, in which ``page`` was seen,
    and of the profiles ``people``. Raises WarehouseUnavailable."""
    parts, params = [], dict[str, Any]()
    for column, value in equal.items():
        if column not in EQUAL:
            raise ValueError(column)
        parts.append(f"{column} = $only_{column}")
        params[f"only_{column}"] = value
    if page is not None:
        condition, own = page.sql("page")
        sql = f"select distinct hash(session) as session from events where session <> '' and {condition}"
        seen = events.table(sql, Scope(site, span.start, span.end), own)
        parts.append("hash(session) in (select unnest(string_split($only_sessions, ','))::ubigint)")
        params["only_sessions"] = ",".join(map(str, seen["session"].to_pylist())) or "0"
    if people is not None:
        parts.append(f"profile in (select unnest(string_split($only_people, '{BETWEEN}')))")
        params["only_people"] = BETWEEN.join(people) or NOBODY
    return Narrowed(events, " and ".join(parts), params) if parts else events
