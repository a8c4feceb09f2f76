"""How often each goal was reached: a goal is a step of which only that it happened counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.scope import Events, Scope
from warehouse.span import Span
from warehouse.steps import Step


@dataclass(frozen=True, slots=True)
class Reached:
    """``step`` as it is written; ``share`` of all visits, 0 without any."""

    step: str
    times: int
    visits: int
    visitors: int
    share: float


def goals(events: Events, site: str, steps: Sequence[Step], span: Span) -> tuple[Reached, ...]:
    """One for each of ``steps``, in their order. Raises QueryRefused, WarehouseUnavailable."""
    columns, params = ["count(distinct nullif(session, '')) as visits"], dict[str, Any]()
    for number, step in enumerate(steps):
        condition, own = step.sql(f"goal{number}")
        params |= own
        columns += [
            f"count(*) filter ({condition}) as times{number}",
            f"count(distinct nullif(session, '')) filter ({condition}) as visits{number}",
            f"count(distinct profile) filter ({condition}) as visitors{number}",
        ]
    (row,) = events.rows(
        f"select {', '.join(columns)} from events", Scope(site, span.start, span.end), params
    )
    return tuple(
        Reached(
            step.name,
            row[f"times{number}"],
            row[f"visits{number}"],
            row[f"visitors{number}"],
            row[f"visits{number}"] / row["visits"] if row["visits"] else 0.0,
        )
        for number, step in enumerate(steps)
    )
