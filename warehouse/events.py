"""What a query sees, and who answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from tracker.durations import DAY_MS

if TYPE_CHECKING:
    from warehouse.index.scan import Walk


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events a query sees: one site's, ``start`` ≤ ts < ``end`` (ms), bots left out.

    ``where`` is a further condition in SQL on the columns of an event, whose $names are in ``params``; ``person``
    leaves the events of one profile, by its current id, and is quick.
    """

    site: str
    start: int = 0
    end: int = 1 << 53
    bots: bool = False
    where: str = "true"
    params: tuple[tuple[str, Any], ...] = ()
    person: str = ""

    def touches(self, day: date | None, first: int | None, last: int | None) -> bool:
        """Whether a file of that UTC day, with events from ``first`` to ``last`` as far as known, may hold some."""
        if first is not None and last is not None:
            return first < self.end and last >= self.start
        if day is None:
            return True
        start = (day - date(1970, 1, 1)).days * DAY_MS
        return start < self.end and start + DAY_MS > self.start


class Events(Protocol):
    """What reports ask: SQL that reads from ``events``, or a walk along them, many times as quick. A
    ``warehouse.duck.Duck``, or a ``Warehouse``, which has one; or some of its events,
    ``warehouse.reports.filtered``."""

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

    def walk(self, site: str, start: int, end: int) -> "Walk":
        """All events of people on ``site`` with ``start`` ≤ ts < ``end``, as numbers: see ``warehouse.index.scan``."""
        ...
