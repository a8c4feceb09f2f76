"""Any report of only some visits: the same questions, over fewer events."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.events import Events, Scope
from warehouse.index.encoded import Trail
from warehouse.index.scan import Mask, Walk, among, unique
from warehouse.question.span import Span
from warehouse.question.steps import Step

EQUAL = ("channel", "device", "country", "origin", "campaign")
"""Columns of which every event says what is true of its whole visit."""

BETWEEN = "\x1f"
"""Between ids in one parameter: as a list they take DuckDB a hundred times as long to read. No id holds it."""

NOBODY = "\x1e"

_HASHES = (
    "select distinct hash(id) as hash from (select unnest(string_split($ids, $between)) as id) order by hash"
)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """``events`` of visits of which each column of ``equal`` (of EQUAL) is so, in which ``page`` was seen, and of the
    profiles ``people``; ``site`` and ``span`` say where to look for the visits."""

    events: Events
    site: str
    span: Span
    equal: Mapping[str, str]
    page: Step | None = None
    people: Collection[str] | None = None

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

    def walk(self, site: str, start: int, end: int) -> Walk:
        """Along the same events."""
        walk = self.events.walk(site, start, end)
        came, who = self._came(walk), self._who(walk)
        seen = self._seen() if self.page is not None else None

        def keep(k: int, trail: Trail) -> Mask:
            kept: Mask = walk.touches_of(k, came)[trail.touch]
            if who is not None:
                kept &= who[walk.persons[k]][trail.profile]
            if seen is not None:
                visits = trail.first[-1]
                kept[:visits] &= np.repeat(among(trail.visits, seen), np.diff(trail.first))
                kept[visits:] = False
            return kept

        return walk.only(keep)

    def _came(self, walk: Walk) -> Mask:
        """Which of the walk's touches are as ``equal`` says."""
        came = np.ones(len(walk.touches), np.bool_)
        for column, value in self.equal.items():
            came &= pc.equal(walk.touches[column], value).to_numpy()
        return came

    def _who(self, walk: Walk) -> Mask | None:
        """Which of the walk's people are among ``people``."""
        if self.people is None:
            return None
        params = {"ids": BETWEEN.join(self.people) or NOBODY, "between": BETWEEN}
        return among(walk.people, walk.ask(_HASHES, {}, params)["hash"].to_numpy())

    def _seen(self) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
        """Hashes of the visits in the span in which the page was seen, sorted."""
        assert self.page is not None
        condition, params = self.page.sql("page")
        if not self.page.of_words:
            sql = f"select distinct hash(session) as session from events where session <> '' and {condition}"
            found = self.events.table(sql, Scope(self.site, self.span.start, self.span.end), params)
            return np.sort(found["session"].to_numpy())
        walk = self.events.walk(self.site, self.span.start, self.span.end)
        is_page = walk.of_words(f"{condition} as seen", params)["seen"].to_numpy().astype(np.bool_)

        def visits(k: int, trail: Trail) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
            rows = np.flatnonzero(walk.words_of(k, is_page)[trail.word[: trail.first[-1]]])
            hits: np.ndarray[tuple[int], np.dtype[np.uint64]] = trail.visits[
                unique(np.searchsorted(trail.first, rows, "right") - 1)
            ]
            return hits

        return np.sort(np.concatenate(walk.map(visits)))

    def _within(self, scope: Scope) -> Scope:
        """The same in SQL."""
        parts = [f"{column} = $only_{column}" for column in self.equal]
        params: dict[str, Any] = {f"only_{column}": value for column, value in self.equal.items()}
        if self.page is not None:
            parts.append("hash(session) in (select unnest(string_split($only_sessions, ','))::ubigint)")
            params["only_sessions"] = ",".join(map(str, self._seen().tolist())) or "0"
        if self.people is not None:
            parts.append(f"profile in (select unnest(string_split($only_people, '{BETWEEN}')))")
            params["only_people"] = BETWEEN.join(self.people) or NOBODY
        return replace(
            scope,
            where=f"({scope.where}) and ({' and '.join(parts)})",
            params=(*scope.params, *params.items()),
        )


def narrowed(
    events: Events,
    site: str,
    span: Span,
    equal: Mapping[str, str],
    page: Step | None = None,
    people: Collection[str] | None = None,
) -> Events:
    """See ``Narrowed``; just ``events`` when nothing narrows them."""
    for column in equal:
        if column not in EQUAL:
            raise ValueError(column)
    if not equal and page is None and people is None:
        return events
    return Narrowed(events, site, span, equal, page, people)
