"""The scope of a query: which events of a site it sees."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow as pa

from tracker.durations import DAY_MS


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events a query sees: one site's, ``start`` ≤ ts < ``end`` (ms), bots left out.

    ``where`` is a further condition in SQL on the columns of an event, whose $names are in ``params``; ``person``
    leaves the events of one profile, by its current id, and is quick. ``currency`` is the site's own, in which its
    orders add up: see ``warehouse.definitions.orders``. ``visits`` narrows the visits: a table of the hashes
    (``session``) of those to be seen; ``where`` is not asked of their events. ``people`` is a table that queries may
    read from as ``scope_people``.
    """

    site: str
    start: int = 0
    end: int = 1 << 53
    bots: bool = False
    where: str = "true"
    params: tuple[tuple[str, Any], ...] = ()
    person: str = ""
    currency: str = ""
    visits: pa.Table | None = field(default=None, compare=False)
    people: pa.Table | None = field(default=None, compare=False)

    def wide(self, by: int) -> "Scope":
        """The same with ``by`` ms more before and behind."""
        return replace(self, start=self.start - by, end=self.end + by)

    def overlaps(self, day: date | None, first: int | None, last: int | None) -> bool:
        """Whether a file of that UTC day, with events from ``first`` to ``last`` as far as known, may hold some."""
        if first is not None and last is not None:
            return first < self.end and last >= self.start
        if day is None:
            return True
        start = (day - date(1970, 1, 1)).days * DAY_MS
        return start < self.end and start + DAY_MS > self.start
