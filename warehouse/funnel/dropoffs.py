"""Drop-off destinations: what visitors who left a funnel did first after the last step that they reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.event_order import ORDER
from warehouse.definitions.shares import Share, share_of
from warehouse.events import Events
from warehouse.funnel.funnel import Rules, search
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step, flags_of

_NEXT = """
with later as (
    select gone.owner, ({in_order}) as place, {caused} as caused, ts = left_at and coalesce({step}, false) as arrived,
           case when {pageview} then 'page:' || path else 'event:' || name end as name
    from {source} join (select unnest($owners::ubigint[]) as owner, unnest($left::bigint[]) as left_at) gone
    on hash({owner}) = gone.owner where ts >= left_at and ts - left_at <= $window
), arrivals as (select owner, {first}(place) as arrival from later where arrived group by owner)
select name, count(*) as visitors from (
    select owner, arg_min(name, place) as name from later join arrivals using (owner) where place > arrival and caused
    group by owner
) group by name
"""


@dataclass(frozen=True, slots=True)
class DropOff:
    """``name`` is page:PATH or event:NAME, "" for those who did nothing more within the window. ``share``: of all that
    dropped off, with its interval."""

    name: str
    visitors: int
    share: float
    share_interval: Share


def dropoffs(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, step: int, most: int = 10
) -> tuple[DropOff, ...]:
    """Of those who reached ``step`` (from 0) and not the next: what they did next after first reaching it, the ``most``
    frequent. Raises QueryRefused, WarehouseUnavailable."""
    if not 0 <= step < len(steps) - 1:
        raise QueryRefused("step", "a step that has a next one")
    owners, left = [], []
    for part in search(events, site, steps, rules, span).parts:
        gone = ~np.isin(part.reached[step], part.reached[step + 1])
        owners.append(part.hashes[part.reached[step][gone]])
        left.append(part.arrived[step][gone])
    params: dict[str, Any] = {
        "window": rules.window,
        "owners": np.concatenate(owners).tolist(),
        "left": np.concatenate(left).tolist(),
    }
    # In any order the last of the steps so far is the one that arrives.
    flags, more = flags_of(steps[: step + 1] if rules.any_order else steps[step : step + 1])
    sql = _NEXT.format(
        pageview=PAGEVIEW,
        caused=CAUSED,
        owner=rules.owner,
        source=rules.source,
        in_order=ORDER,
        step=f"({flags}) > 0",
        first="max" if rules.any_order else "min",
    )
    start, end = rules.around(span)
    # A sequence may arrive a window after its begin, and the next deed come a window later.
    scope = Scope(site, start, end if rules.by_session else end + rules.window)
    found = {row["name"]: row["visitors"] for row in events.rows(sql, scope, params | more)}
    total = len(params["owners"])
    if total > sum(found.values()):
        found[""] = total - sum(found.values())
    ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return tuple(DropOff(name, count, count / total, share_of(count, total)) for name, count in ranked[:most])
