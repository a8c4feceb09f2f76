"""Customers one by one, from the newest snapshot of scores: filtered, sorted, a page at a time."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from warehouse.customers.score_history import Snapshot
from warehouse.events import Events
from warehouse.question.scope import Scope

SORTS = ("clv", "contribution", "risk", "risk90", "next_order", "r", "f", "m", "profile")
FILTERS = ("stage", "cell", "group", "quadrant", "r", "f", "m")

_PAGE = """
select profile, stage, r, f, m, cell, risk90, coalesce(risk, risk90) as risk,
       coalesce(risk_days, case when risk90 is not null then 90 end) as risk_days, next_order, clv, clv_low, clv_high,
       contribution, "group", quadrant
from scores where {where} and {wanted} order by {sort} {way} nulls last, profile limit $limit offset $offset
"""
_COUNT = """
select count(*) filter ({wanted}) as total, count(*) filter (not {wanted}) as left_out from scores where {where}
"""


class CustomerPage(NamedTuple):
    total: int
    """Who fulfil the filters, without those who are left out."""
    left_out: int
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
    refusals: bool = True,
) -> CustomerPage:
    """Customers whose columns (of FILTERS) are as given, by one of SORTS, from the highest down unless ``up``; without
    ``refusals`` those who refused marketing that day are left out. Raises WarehouseUnavailable."""
    assert sort in SORTS
    known = {name: text for name, text in filters.items() if name in FILTERS}
    where = " and ".join(f"coalesce(\"{name}\"::varchar, '') = ${name}_is" for name in known) or "true"
    wanted = "true" if refusals else "(refuses is not true)"
    page = _PAGE.format(where=where, wanted=wanted, sort=f'"{sort}"', way="asc" if up else "desc")
    params = {f"{name}_is": text for name, text in known.items()} | {"limit": limit, "offset": offset}
    queries = {"page": page, "count": _COUNT.format(where=where, wanted=wanted)}
    found = events.tables(queries, Scope(site, at.ts, at.ts + 1), params)
    [count] = found["count"].to_pylist()
    return CustomerPage(count["total"], count["left_out"], found["page"].to_pylist())
