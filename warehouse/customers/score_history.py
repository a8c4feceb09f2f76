"""What the snapshots of scores say: how customers are spread on a day, and how they moved between two days."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

_SNAPSHOTS = "select ts, any_value(day) as day, count(*) as customers from scores group by ts order by ts"
_STANDING = """
select coalesce({name}, '') as name, count(*) as customers, sum(contribution) as contribution, sum(clv) as clv,
       avg(coalesce(risk, risk90)) as risk from scores group by 1 order by customers desc, 1
"""
_GRID = """
select r as recency, cell, count(*) as customers, sum(contribution) as contribution
from scores where r is not null and cell is not null group by all order by all
"""
_PAIRS = """
with old as (select * from scores where ts = $before), new as (select * from scores where ts = $now)
"""
_MOVES = f"""
{_PAIRS} select coalesce(old.{{name}}, '') as source, coalesce(new.{{name}}, '') as target, count(*) as customers
from new left join old using (profile) group by all order by customers desc, 1, 2
"""
_KEPT = f"""
{_PAIRS} select old.m as fifth, count(*) as customers,
       count(*) filter (new.contribution > old.contribution) as ordered,
       sum(greatest(new.contribution - old.contribution, 0)) as contribution
from old join new using (profile) where old.m is not null group by all order by 1 desc
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows of one have the same ``ts`` (ms)."""

    day: date
    ts: int
    customers: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Customers of one name ("" where it is not known). Money in the site's currency: ``contribution`` until now,
    ``clv`` expected; ``risk`` is the mean. None: not known."""

    name: str
    customers: int
    contribution: float | None
    clv: float | None
    risk: float | None


@dataclass(frozen=True, slots=True)
class GridCell:
    """The customers of one RFM cell in one fifth of recency."""

    recency: int
    cell: str
    customers: int
    contribution: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """``kind``: stage or cell; ``source`` is "" for those who were no customers yet."""

    kind: str
    source: str
    target: str
    customers: int


@dataclass(frozen=True, slots=True)
class Kept:
    """By fifth of monetary value on the earlier day: who ordered since, and what that brought."""

    fifth: int
    customers: int
    ordered: int
    contribution: float | None


def snapshots(events: Events, site: str, span: Span) -> list[Snapshot]:
    """Those of the span, oldest first. Raises WarehouseUnavailable."""
    rows = events.rows(_SNAPSHOTS, Scope(site, span.start, span.end))
    return [Snapshot(**row) for row in rows]


def standings(events: Events, site: str, at: Snapshot) -> dict[str, tuple[Standing, ...]]:
    """By cell, stage, group and quadrant: see ``Standing``. Raises WarehouseUnavailable."""
    names = ("cell", "stage", "group", "quadrant")
    found = events.tables({name: _STANDING.format(name=f'"{name}"') for name in names}, _scope(site, at))
    return {name: tuple(Standing(**row) for row in found[name].to_pylist()) for name in names}


def grid(events: Events, site: str, at: Snapshot) -> tuple[GridCell, ...]:
    return tuple(GridCell(**row) for row in events.rows(_GRID, _scope(site, at)))


def contributions(events: Events, site: str, at: Snapshot) -> NDArray[np.float64]:
    """What each customer contributed, of whom it is known."""
    sql = "select contribution from scores where contribution is not null"
    found: NDArray[np.float64] = events.table(sql, _scope(site, at))["contribution"].to_numpy()
    return found


def told_values(events: Events, site: str, at: Snapshot) -> dict[str, NDArray[np.float64]]:
    """The risks and the expected values (``clv``) of the customers of whom they are known. Raises
    WarehouseUnavailable."""
    risks = "select coalesce(risk, risk90) as told from scores where coalesce(risk, risk90) is not null"
    queries = {"risk": risks, "clv": "select clv as told from scores where clv is not null"}
    found = events.tables(queries, _scope(site, at))
    return {name: found[name]["told"].to_numpy().astype(np.float64) for name in queries}


def moves(events: Events, site: str, before: Snapshot, now: Snapshot) -> tuple[Move, ...]:
    """From where to where customers moved between two days, by stage and by cell. Raises WarehouseUnavailable."""
    queries = {name: _MOVES.format(name=name) for name in ("stage", "cell")}
    found = events.tables(queries, Scope(site, before.ts, now.ts + 1), _between(before, now))
    return tuple(Move(name, **row) for name in queries for row in found[name].to_pylist())


def kept(events: Events, site: str, before: Snapshot, now: Snapshot) -> tuple[Kept, ...]:
    """Retention by value, the best fifth first. Raises WarehouseUnavailable."""
    rows = events.rows(_KEPT, Scope(site, before.ts, now.ts + 1), _between(before, now))
    return tuple(Kept(**row) for row in rows)


def _between(before: Snapshot, now: Snapshot) -> dict[str, Any]:
    return {"before": before.ts, "now": now.ts}


def _scope(site: str, at: Snapshot) -> Scope:
    return Scope(site, at.ts, at.ts + 1)
