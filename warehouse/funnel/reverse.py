"""The reverse funnel: from a goal back, what visits did before they reached it."""

from dataclasses import dataclass

from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.event_order import ORDER
from warehouse.definitions.shares import Share, share_of
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step

STEPS = 20

_ROWS = f"""
select session, case when {PAGEVIEW} then 'page:' || path else 'event:' || name end as name, ({ORDER}) as place,
       {CAUSED} as caused, coalesce({{goal}}, false) as goal
from visit_events
"""
_REACHED = "select session, min(place) as reached from deeds where goal group by session"
_BEFORE = """
select distinct session, name, reached is not null as done from deeds left join goals using (session)
where caused and not goal and (reached is null or place < reached)
"""
_TOTALS = """
select (select count(distinct session) from deeds) as visits, (select count(*) from goals) as reached,
       (select count(*) from goals where session not in (select session from before)) as at_once
"""
_STEPS = """
select name, count(*) filter (done) as reached, count(*) as visits from before group by name
having count(*) filter (done) > 0 order by reached desc, visits, name limit $most
"""


@dataclass(frozen=True, slots=True)
class StepBefore:
    """``name`` is page:PATH or event:NAME; shares have their intervals. ``reached``: visits with the goal that did it
    before; ``share`` of all that reached the goal. ``visits`` did it and had not reached the goal yet; ``conversion``
    of these did."""

    name: str
    reached: int
    share: float
    visits: int
    conversion: float
    share_interval: Share
    conversion_interval: Share


@dataclass(frozen=True, slots=True)
class ReverseFunnel:
    """``reached`` of the ``visits`` reached the goal, ``at_once`` of them with nothing before it. What comes before
    counts once a visit, and only before the goal was first reached: ``steps``, the most frequent first."""

    goal: str
    visits: int
    reached: int
    at_once: int
    steps: tuple[StepBefore, ...]


def reverse_funnel(events: Events, site: str, goal: Step, span: Span, most: int = STEPS) -> ReverseFunnel:
    """Of the visits that begin in ``span``; at most ``most`` steps. Raises WarehouseUnavailable."""
    condition, params = goal.sql("goal")
    prepared = {"deeds": _ROWS.format(goal=condition), "goals": _REACHED, "before": _BEFORE}
    found = events.tables(
        {"totals": _TOTALS, "steps": _STEPS},
        Scope(site, span.start, span.end),
        {**params, "most": most},
        prepared,
    )
    (totals,) = found["totals"].to_pylist()
    steps = (
        StepBefore(
            share=each["reached"] / totals["reached"],
            conversion=each["reached"] / each["visits"],
            share_interval=share_of(each["reached"], totals["reached"]),
            conversion_interval=share_of(each["reached"], each["visits"]),
            **each,
        )
        for each in found["steps"].to_pylist()
    )
    return ReverseFunnel(goal=goal.name, steps=tuple(steps), **totals)
