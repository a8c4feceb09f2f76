"""The port that reports query: the events of a warehouse, or some of them."""

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from warehouse.index.scan import Scan
from warehouse.index.whole_visits import WholeVisits
from warehouse.question.scope import Scope


class Events(Protocol):
    """Events that answer SQL, and scans, which are many times as quick. SQL reads from ``events``; from
    ``visit_events``, the events of the visits that begin in the scope (``warehouse.definitions.visits``); from
    ``net_orders`` and ``net_lines``, the orders that were placed in the scope, whenever they changed, and their lines
    (``warehouse.definitions.orders``); and from ``scores``, the snapshots that were made in the scope, with one row for
    each customer and day (``warehouse.tables.schema.SCORES``). Implemented by ``warehouse.query_engine.QueryEngine``,
    by ``Warehouse``, which has one, and by ``warehouse.reports.filtered``."""

    def tables(
        self,
        queries: Mapping[str, str],
        scope: Scope,
        params: Mapping[str, Any] | None = None,
        prepared: Mapping[str, str] | None = None,
    ) -> dict[str, pa.Table]: ...

    def table(self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None) -> pa.Table: ...

    def rows(
        self, sql: str, scope: Scope, params: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]: ...

    def scan(self, site: str, start: int, end: int) -> Scan:
        """All events of people on ``site`` with ``start`` ≤ ts < ``end``, as numbers: see ``warehouse.index.scan``."""
        ...

    def visits(self, site: str, start: int, end: int) -> WholeVisits:
        """The visits of people on ``site`` that begin in ``start`` ≤ ts < ``end``, each whole."""
        ...
