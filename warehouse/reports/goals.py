"""Goals: how often each was reached. A goal is one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from warehouse.events import Events
from warehouse.index.encoded import EncodedEvents, Longs
from warehouse.index.scan import Mask, Scan, starts
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step, flags_of


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """``step`` as it is written; ``visits`` begin in the span, ``share`` is of all that do, 0 without any."""

    step: str
    times: int
    visits: int
    visitors: int
    share: float


def goals(events: Events, site: str, steps: Sequence[Step], span: Span) -> tuple[GoalFigures, ...]:
    """One for each of ``steps``, in their order. Raises QueryRefused, WarehouseUnavailable."""
    if all(step.indexed for step in steps):
        visits, found = _scanned(events, site, span, steps)
    else:
        visits, found = _queried(events, site, steps, span)
    return tuple(
        GoalFigures(step.name, *counts, counts[1] / visits if visits else 0.0)
        for step, counts in zip(steps, found, strict=True)
    )


Counts = tuple[int, int, int]
"""Of one goal: times, visits, visitors."""


def _scanned(events: Events, site: str, span: Span, steps: Sequence[Step]) -> tuple[int, list[Counts]]:
    """All visits, and the counts of each goal."""
    flags, params = flags_of(steps)
    scan, visits = events.scan(site, span.start, span.end), events.visits(site, span.start, span.end)

    def goals_of(scan: Scan) -> Longs:
        goals: Longs = scan.query_labels(f"{flags} as goals", params)["goals"].to_numpy().astype(np.int64)
        return goals

    of_event, of_visit = goals_of(scan), goals_of(visits.scan)

    def times(index: int, block: EncodedEvents) -> list[tuple[int, Mask]]:
        label, counts = scan.block_labels(index, of_event), []
        for number in range(len(steps)):
            rows = np.flatnonzero((label & (1 << number) > 0)[block.label])
            who = np.zeros(len(scan.people), np.bool_)
            who[scan.persons[index][block.profile[rows]]] = True
            counts.append((len(rows), who))
        return counts

    def reached(index: int, block: EncodedEvents) -> list[int]:
        label, counts = visits.scan.block_labels(index, of_visit), []
        for number in range(len(steps)):
            rows = np.flatnonzero((label & (1 << number) > 0)[block.label])
            counts.append(int(np.count_nonzero(starts(np.searchsorted(block.first, rows, "right")))))
        return counts

    seen, in_visits = scan.map(times), visits.scan.map(reached)
    found = []
    for number in range(len(steps)):
        mine = [each[number] for each in seen]
        who = np.logical_or.reduce([each[1] for each in mine])
        found.append((sum(each[0] for each in mine), sum(each[number] for each in in_visits), int(who.sum())))
    return visits.count, found


def _queried(events: Events, site: str, steps: Sequence[Step], span: Span) -> tuple[int, list[Counts]]:
    """The same in SQL, for goals that take more of an event than its labels."""
    seen, visited, params = list[str](), ["count(distinct session) as visits"], dict[str, Any]()
    for number, step in enumerate(steps):
        condition, own = step.sql(f"goal{number}")
        params |= own
        seen += [
            f"count(*) filter ({condition}) as times{number}",
            f"count(distinct profile) filter ({condition}) as visitors{number}",
        ]
        visited.append(f"count(distinct session) filter ({condition}) as visits{number}")
    queries = {
        "seen": f"select {', '.join(seen)} from events",
        "visited": f"select {', '.join(visited)} from visit_events",
    }
    tables = events.tables(queries, Scope(site, span.start, span.end), params)
    row = tables["seen"].to_pylist()[0] | tables["visited"].to_pylist()[0]
    names = ("times", "visits", "visitors")
    found = [tuple(int(row[f"{name}{number}"]) for name in names) for number in range(len(steps))]
    return row["visits"], cast(list[Counts], found)
