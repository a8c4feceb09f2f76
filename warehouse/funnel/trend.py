"""A funnel over time: of those who began in a day or week, how many went all the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Literal

import numpy as np

from warehouse.definitions.shares import Share, share_of
from warehouse.events import Events
from warehouse.funnel.funnel import Rules, StepRows, follow, search, step_rows
from warehouse.question.refused import QueryRefused
from warehouse.question.span import Span, date_of
from warehouse.question.steps import Step

Every = Literal["day", "week"]
EVERY: tuple[Every, ...] = ("day", "week")


@dataclass(frozen=True, slots=True)
class TrendPeriod:
    """The funnel of the day or week that begins on ``start``: ``began`` in it, and ``finished`` within the window, then
    or later. Periods that ended less than a window ago may still rise. A visitor who began in several is in each of
    them, as in the funnel of that day alone; a visit is in the one in which it begins."""

    start: date
    began: int
    finished: int
    conversion: float
    conversion_interval: Share


def trend(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, every: Every = "day"
) -> tuple[TrendPeriod, ...]:
    """One for each period that ``span`` has. Weeks begin on Monday. Raises QueryRefused, WarehouseUnavailable."""
    if every not in EVERY:
        raise QueryRefused("every", f"one of {', '.join(EVERY)}")
    starts = list(dict.fromkeys(_start(day, every) for day in span.days()))
    edges = [span.start, *(_midnight(day, span) for day in starts[1:]), span.end]
    counted = _visits if rules.by_session else _visitors
    counts = counted(events, site, steps, rules, span, edges)
    return tuple(
        TrendPeriod(start, began, finished, finished / began if began else 0.0, share_of(finished, began))
        for start, (began, finished) in zip(starts, counts, strict=True)
    )


Counts = Iterator[tuple[int, int]]
"""Of each period: who began, who finished."""


def _visits(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, edges: Sequence[int]
) -> Counts:
    whole = events.visits(site, span.start, span.end)
    hashes = np.concatenate([block.visits for block in whole.scan.blocks])
    began = np.concatenate([whole.began(index) for index in range(len(whole.scan.blocks))])
    order, count = np.argsort(hashes), len(edges) - 1
    of_visit = np.searchsorted(edges, began[order], "right") - 1
    found = search(events, site, steps, rules, span)
    first, last = (
        np.bincount(of_visit[np.searchsorted(hashes[order], found.owners(step))], minlength=count).tolist()
        for step in (0, -1)
    )
    yield from zip(first, last, strict=True)


def _visitors(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, edges: Sequence[int]
) -> Counts:
    rows = step_rows(events, site, steps, rules, span)
    order = np.argsort(rows.packed)  # by time
    rows = replace(rows, owner=rows.owner[order], packed=rows.packed[order])
    for start, end in pairwise(edges):
        parts = follow(_of_period(rows, rules, replace(span, start=start, end=end)), steps, rules)
        yield sum(len(part.reached[0]) for part in parts), sum(len(part.reached[-1]) for part in parts)


def _of_period(rows: StepRows, rules: Rules, period: Span) -> StepRows:
    """What those did, around the period, who began in it. ``rows`` by time."""
    around = slice(*np.searchsorted(rows.packed, [rows.since(at) for at in rules.around(period)]).tolist())
    near = replace(rows, owner=rows.owner[around], packed=rows.packed[around])
    near = near.begun(period.start, period.end)
    began = np.zeros(len(rows.hashes), np.bool_)
    began[near.owner[(near.packed & 1).astype(np.bool_)]] = True
    mine = began[near.owner]
    return replace(near, owner=near.owner[mine], packed=near.packed[mine])


def _start(day: date, every: Every) -> date:
    """The first day of its period."""
    return day if every == "day" else date_of(((day - date_of(0)).days + 3) // 7 * 7 - 3)


def _midnight(day: date, span: Span) -> int:
    """Its first ms: that of the span's clock, which may have been put forward or back since."""
    return int(datetime(day.year, day.month, day.day, tzinfo=span.zone).timestamp() * 1000)
