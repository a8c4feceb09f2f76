"""Customers one by one, from the newest snapshot of scores: filtered, sorted, a page at a time."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from warehouse.customers.score_history import Snapshot
from warehouse.events import Events
from warehouse.question.scope import Scope

SORTS = ("clv", "contribution", "risk90", "next_order", "r", "f", "m", "profile")
FILTERS = ("stage", "cell", "group", "quadrant", "r", "f", "m")

_PAGE = """
select profile, stage, r, f, m, cell, risk90, next_order, clv, clv_low, clv_high, contribution, "group", quadrant,
       count(*) over () as total
from scores where {where} order by {sort} {way} nulls last, profile limit $limit offset $offset
"""


class CustomerPage(NamedTuple):
    total: int
    rows: list[dict[str, Any]]
    """By the names of SCORES."""


def customer_page(
    events: Events,
    site: str,
    at: Snapshot,
    filters: Mapping[str, str],
    sort: str = "clv",
    up: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> CustomerPage:
    """Customers whose columns (of FILTERS) are as given, by one of SORTS, from the highest down unless ``up``. Raises
    WarehouseUnavailable."""
    assert sort in SORTS
    known = {name: text for name, text in filters.items() if name in FILTERS}
    where = " and ".join(f"coalesce(\"{name}\"::varchar, '') = ${name}_is" for name in known) or "true"
    sql = _PAGE.format(where=where, sort=f'"{sort}"', way="asc" if up else "desc")
    params = {f"{name}_is": text for name, text in known.items()} | {"limit": limit, "offset": offset}
    rows = events.rows(sql, Scope(site, at.ts, at.ts + 1), params)
    return CustomerPage(rows[0]["total"] if rows else 0, rows)
