"""Goals: how often each was reached. A goal is one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from warehouse.definitions.conditions import CAUSED
from warehouse.definitions.event_order import ORDER
from warehouse.definitions.shares import Clusters, Share, clusters_of, share_of_clusters
from warehouse.events import Events
from warehouse.index.encoded import EncodedEvents, Longs
from warehouse.index.scan import Mask, Scan, starts
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step, flags_of


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """``step`` as it is written; ``visits`` begin in the span, ``share`` is of all that do, 0 without any, with its
    interval (of which several visits of one person are no independent ones)."""

    step: str
    times: int
    visits: int
    visitors: int
    share: float
    share_interval: Share


def goals(events: Events, site: str, steps: Sequence[Step], span: Span) -> tuple[GoalFigures, ...]:
    """One for each of ``steps``, in their order. Raises QueryRefused, WarehouseUnavailable."""
    if all(step.indexed for step in steps):
        found = _scanned(events, site, span, steps)
    else:
        found = _queried(events, site, steps, span)
    return tuple(
        GoalFigures(
            step=step.name,
            times=times,
            visits=people.parts,
            visitors=visitors,
            share=people.parts / people.wholes if people.wholes else 0.0,
            share_interval=share_of_clusters(people),
        )
        for step, (times, visitors, people) in zip(steps, found, strict=True)
    )


Counts = tuple[int, int, Clusters]
"""Of one goal: times, visitors; and visits by person, how many reached it of how many."""


def _scanned(events: Events, site: str, span: Span, steps: Sequence[Step]) -> list[Counts]:
    """The counts of each goal."""
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

    people = len(visits.scan.people)

    def reached(index: int, block: EncodedEvents) -> list[Longs]:
        """Of each person, the visits; then those with each goal."""
        label = visits.scan.block_labels(index, of_visit)
        person = visits.scan.persons[index][block.profile[visits.opened[index]]]
        counts = [np.bincount(person, minlength=people)]
        for number in range(len(steps)):
            rows = np.flatnonzero((label & (1 << number) > 0)[block.label])
            visit = np.searchsorted(block.first, rows, "right") - 1
            counts.append(np.bincount(person[visit[starts(visit)]], minlength=people))
        return counts

    seen, in_visits = scan.map(times), visits.scan.map(reached)
    by_person: list[Longs] = [np.sum(each, axis=0, dtype=np.int64) for each in zip(*in_visits, strict=True)]
    found = []
    for number in range(len(steps)):
        mine = [each[number] for each in seen]
        who = np.logical_or.reduce([each[1] for each in mine])
        clusters = clusters_of(by_person[number + 1], by_person[0])
        found.append((sum(each[0] for each in mine), int(who.sum()), clusters))
    return found


def _queried(events: Events, site: str, steps: Sequence[Step], span: Span) -> list[Counts]:
    """The same in SQL, for goals that take more of an event than its labels."""
    seen, reached, params = list[str](), list[str](), dict[str, Any]()
    for number, step in enumerate(steps):
        condition, own = step.sql(f"goal{number}")
        params |= own
        seen += [
            f"count(*) filter ({condition}) as times{number}",
            f"count(distinct profile) filter ({condition}) as visitors{number}",
        ]
        reached.append(f"bool_or({condition})::int as goal{number}")
    by_visit = (
        f"select session, arg_min(profile, ({ORDER})) filter ({CAUSED}) as person, {', '.join(reached)}"
    )
    sums = ", ".join(f"sum(goal{number})::bigint as goal{number}" for number in range(len(steps)))
    queries = {
        "seen": f"select {', '.join(seen)} from events",
        "visited": f"""
            select count(*) as visits, {sums} from ({by_visit} from visit_events group by session) group by person
        """,
    }
    tables = events.tables(queries, Scope(site, span.start, span.end), params)
    (row,), by_person = tables["seen"].to_pylist(), tables["visited"]
    wholes = by_person["visits"].to_numpy()
    return [
        (
            int(row[f"times{number}"]),
            int(row[f"visitors{number}"]),
            clusters_of(by_person[f"goal{number}"].to_numpy(), wholes),
        )
        for number in range(len(steps))
    ]
