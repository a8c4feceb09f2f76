"""A funnel over time: of those who began in a day or week, how many went all the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np

from warehouse.events import Events
from warehouse.funnel.funnel import Rules, search
from warehouse.question.refused import QueryRefused
from warehouse.question.span import Span, date_of
from warehouse.question.steps import Step

Every = Literal["day", "week"]
EVERY: tuple[Every, ...] = ("day", "week")


@dataclass(frozen=True, slots=True)
class TrendPeriod:
    """Of the visitors (or visits) who reached the first step for the first time in the period that begins on
    ``start``: ``finished`` got to the last one, then or later. The latest periods may still rise."""

    start: date
    began: int
    finished: int

    @property
    def conversion(self) -> float:
        return self.finished / self.began if self.began else 0.0


def trend(
    events: Events, site: str, steps: Sequence[Step], rules: Rules, span: Span, every: Every = "day"
) -> tuple[TrendPeriod, ...]:
    """One for each period that ``span`` has; together they are the whole funnel. Weeks begin on Monday.
    Raises QueryRefused, WarehouseUnavailable."""
    if every not in EVERY:
        raise QueryRefused("every", f"one of {', '.join(EVERY)}")
    days = list(span.days())
    edges = np.array([_start(day, span) for day in days], np.int64)
    began, finished = np.zeros(len(days), np.int64), np.zeros(len(days), np.int64)
    for part in search(events, site, steps, rules, span).parts:
        on = np.maximum(np.searchsorted(edges, part.arrived[0], "right") - 1, 0)
        began += np.bincount(on, minlength=len(days))
        done = np.isin(part.reached[0], part.reached[-1])
        finished += np.bincount(on[done], minlength=len(days))
    periods: dict[date, list[int]] = {}
    for at, day in enumerate(days):
        number = (day - date_of(0)).days
        counts = periods.setdefault(day if every == "day" else date_of((number + 3) // 7 * 7 - 3), [0, 0])
        counts[0] += int(began[at])
        counts[1] += int(finished[at])
    return tuple(TrendPeriod(start, *counts) for start, counts in periods.items())


def _start(day: date, span: Span) -> int:
    """Its first ms: that of the span's clock, which may have been put forward or back since."""
    return int(datetime(day.year, day.month, day.day, tzinfo=span.zone).timestamp() * 1000)
