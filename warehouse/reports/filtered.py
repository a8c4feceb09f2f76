"""Filters: any report over the events of some visits only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.index.encoded import EncodedEvents
from warehouse.index.scan import Mask, Scan, among, unique
from warehouse.index.whole_visits import WholeVisits, visit_hashes
from warehouse.question.scope import Scope
from warehouse.question.steps import Step

FILTER_COLUMNS = ("channel", "device", "country", "origin", "campaign")
"""Columns of which every event says what is true of its whole visit."""

BETWEEN = "\x1f"
"""Between ids in one parameter: as a list they take DuckDB a hundred times as long to read. No id holds it."""

NOBODY = "\x1e"

_HASHES = (
    "select distinct hash(id) as hash from (select unnest(string_split($ids, $between)) as id) order by hash"
)


@dataclass(frozen=True, slots=True)
class FilteredEvents:
    """The ``events`` of visits whose columns (of FILTER_COLUMNS) have the values of ``equal``, in which ``page`` was
    seen, and of the profiles ``people``."""

    events: Events
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
        texts = (*queries.values(), *(prepared or {}).values())
        return self.events.tables(queries, self._within(scope, *texts), params, prepared)

    def table(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> pa.Table:
        return self.events.table(sql, self._within(scope, sql), params)

    def rows(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return self.events.rows(sql, self._within(scope, sql), params)

    def scan(self, site: str, start: int, end: int) -> Scan:
        """Along the same events."""
        scan = self.events.scan(site, start, end)
        came, who = self._came(scan), self._who(scan)
        seen = self._seen(site, start, end) if self.page is not None else None

        def keep(k: int, block: EncodedEvents) -> Mask:
            kept: Mask = scan.block_touchpoints(k, came)[block.touchpoint]
            if who is not None:
                kept &= who[scan.persons[k]][block.profile]
            if seen is not None:
                visits = block.first[-1]
                kept[:visits] &= np.repeat(among(block.visits, seen), np.diff(block.first))
                kept[visits:] = False
            return kept

        return scan.only(keep)

    def visits(self, site: str, start: int, end: int) -> WholeVisits:
        """Those visits: what came by, and who, is what the first deed of each says."""
        visits = self.events.visits(site, start, end)
        scan = visits.scan
        came, who = self._came(scan), self._who(scan)
        seen = self._seen(site, start, end) if self.page is not None else None

        def keep(k: int, block: EncodedEvents) -> Mask:
            opened = visits.opened[k]
            kept: Mask = scan.block_touchpoints(k, came)[block.touchpoint[opened]]
            if who is not None:
                kept &= who[scan.persons[k]][block.profile[opened]]
            if seen is not None:
                kept &= among(block.visits, seen)
            return kept

        return visits.only(keep)

    def _came(self, scan: Scan) -> Mask:
        """Which of the scan's touchpoints are as ``equal`` says."""
        came = np.ones(len(scan.touchpoints), np.bool_)
        for column, value in self.equal.items():
            came &= pc.equal(scan.touchpoints[column], value).to_numpy()
        return came

    def _who(self, scan: Scan) -> Mask | None:
        """Which of the scan's people are among ``people``."""
        if self.people is None:
            return None
        params = {"ids": BETWEEN.join(self.people) or NOBODY, "between": BETWEEN}
        return among(scan.people, scan.query(_HASHES, {}, params)["hash"].to_numpy())

    def _seen(self, site: str, start: int, end: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
        """Hashes of the visits around that time in which the page was seen, sorted."""
        assert self.page is not None
        condition, params = self.page.sql("page")
        wide = Scope(site, start, end).wide(LONGEST_MS)
        if not self.page.indexed:
            sql = f"select distinct hash(session) as session from events where session <> '' and {condition}"
            found = self.events.table(sql, wide, params)
            return np.sort(found["session"].to_numpy())
        scan = self.events.scan(site, wide.start, wide.end)
        is_page = scan.query_labels(f"{condition} as seen", params)["seen"].to_numpy().astype(np.bool_)

        def visits(k: int, block: EncodedEvents) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
            rows = np.flatnonzero(scan.block_labels(k, is_page)[block.label[: block.first[-1]]])
            hits: np.ndarray[tuple[int], np.dtype[np.uint64]] = block.visits[
                unique(np.searchsorted(block.first, rows, "right") - 1)
            ]
            return hits

        return np.sort(np.concatenate(scan.map(visits)))

    def _within(self, scope: Scope, *texts: str) -> Scope:
        """The same in SQL, for queries of these texts."""
        visits = None
        if any("visit_events" in text for text in texts):
            visits = visit_hashes(self.visits(scope.site, scope.start, scope.end))
        parts = [f"{column} = $only_{column}" for column in self.equal]
        params: dict[str, Any] = {f"only_{column}": value for column, value in self.equal.items()}
        if self.page is not None:
            parts.append("hash(session) in (select unnest(string_split($only_sessions, ','))::ubigint)")
            params["only_sessions"] = (
                ",".join(map(str, self._seen(scope.site, scope.start, scope.end).tolist())) or "0"
            )
        if self.people is not None:
            parts.append(f"profile in (select unnest(string_split($only_people, '{BETWEEN}')))")
            params["only_people"] = BETWEEN.join(self.people) or NOBODY
        return replace(
            scope,
            where=f"({scope.where}) and ({' and '.join(parts)})",
            params=(*scope.params, *params.items()),
            visits=visits,
        )


def filtered(
    events: Events,
    equal: Mapping[str, str],
    page: Step | None = None,
    people: Collection[str] | None = None,
) -> Events:
    """See ``FilteredEvents``; just ``events`` when nothing narrows them."""
    for column in equal:
        if column not in FILTER_COLUMNS:
            raise ValueError(column)
    if not equal and page is None and people is None:
        return events
    return FilteredEvents(events, equal, page, people)
