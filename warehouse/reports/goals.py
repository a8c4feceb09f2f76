"""Goals: how often each was reached. A goal is one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from warehouse.events import Events
from warehouse.index.encoded import EncodedEvents
from warehouse.index.scan import Mask, Scan, starts
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step, flags_of


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """``step`` as it is written; ``share`` of all visits, 0 without any."""

    step: str
    times: int
    visits: int
    visitors: int
    share: float


def goals(events: Events, site: str, steps: Sequence[Step], span: Span) -> tuple[GoalFigures, ...]:
    """One for each of ``steps``, in their order. Raises QueryRefused, WarehouseUnavailable."""
    if all(step.indexed for step in steps):
        visits, found = _scanned(events.scan(site, span.start, span.end), steps)
    else:
        visits, found = _queried(events, site, steps, span)
    return tuple(
        GoalFigures(step.name, *counts, counts[1] / visits if visits else 0.0)
        for step, counts in zip(steps, found, strict=True)
    )


Counts = tuple[int, int, int]
"""Of one goal: times, visits, visitors."""


def _scanned(scan: Scan, steps: Sequence[Step]) -> tuple[int, list[Counts]]:
    """All visits, and the counts of each goal."""
    flags, params = flags_of(steps)
    goals_of = scan.query_labels(f"{flags} as goals", params)["goals"].to_numpy().astype(np.int64)

    def part(index: int, block: EncodedEvents) -> list[tuple[int, int, Mask]]:
        label, counts = scan.block_labels(index, goals_of), []
        for number in range(len(steps)):
            rows = np.flatnonzero((label & (1 << number) > 0)[block.label])
            visits = np.searchsorted(block.first, rows[rows < block.first[-1]], "right")
            who = np.zeros(len(scan.people), np.bool_)
            who[scan.persons[index][block.profile[rows]]] = True
            counts.append((len(rows), int(np.count_nonzero(starts(visits))), who))
        return counts

    parts = scan.map(part)
    found = []
    for number in range(len(steps)):
        mine = [each[number] for each in parts]
        who = np.logical_or.reduce([each[2] for each in mine])
        found.append((sum(each[0] for each in mine), sum(each[1] for each in mine), int(who.sum())))
    return sum(len(block.visits) for block in scan.blocks), found


def _queried(events: Events, site: str, steps: Sequence[Step], span: Span) -> tuple[int, list[Counts]]:
    """The same in SQL, for goals that take more of an event than its labels."""
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
    names = ("times", "visits", "visitors")
    found = [tuple(int(row[f"{name}{number}"]) for name in names) for number in range(len(steps))]
    return row["visits"], cast(list[Counts], found)
