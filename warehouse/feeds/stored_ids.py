"""Which events are in the warehouse already: what an import need not bring again."""

from collections.abc import Collection

from warehouse.events import Events
from warehouse.question.scope import Scope

_KNOWN = "select distinct id from events where id in (select unnest($ids::varchar[]))"


def stored_ids(events: Events, site: str, ids: Collection[str], start: int, end: int) -> set[str]:
    """Those of ``ids`` in rows with ``start`` ≤ ts < ``end`` (ms), bots' too. Raises WarehouseUnavailable."""
    rows = events.rows(_KNOWN, Scope(site, start, end, bots=True), {"ids": list(ids)})
    return {row["id"] for row in rows}
