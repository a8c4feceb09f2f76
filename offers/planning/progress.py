"""How far an experiment is: people who count, people it needs, and the days until they are there."""

import math
from dataclasses import dataclass

import numpy as np

from offers.campaign.campaign import Plan
from offers.experiments.people import Codes, People
from offers.experiments.planned_end import PlannedEnd, planned_end
from offers.planning.outlook import DAYS_MOST, people_needed, spread_of
from tracker.durations import DAY_MS

PACE_DAYS = 7
"""People a day are those of the last days of enrolment."""


@dataclass(frozen=True, slots=True)
class ExperimentProgress:
    """``counted``: people who may be compared and whose window is over; ``open``: whose window is not. ``needed``:
    people whom the plan's effect needs, None while nobody reached the goal. ``days_left``: until so many are counted,
    at the present pace; 0 when they are, None when that is not known or more than ten years. ``planned``: the
    plan's end, and the people until then."""

    counted: int
    open: int
    needed: int | None
    days_left: int | None
    planned: PlannedEnd

    @property
    def complete(self) -> bool:
        """Whether the people of the plan are there."""
        return self.planned.people <= self.counted or (
            self.needed is not None and self.counted >= self.needed
        )


def progress_of(people: People, plan: Plan, window: int, now: int) -> ExperimentProgress:
    """``window`` and ``now`` in ms."""
    drawn = ~(people.held_share == 0)
    closed = drawn & ~people.open
    counted, waiting = int(closed.sum()), int((drawn & people.open).sum())
    planned = planned_end(people.since[drawn], plan.days, window, now)
    spread = spread_of(
        float(people.converted[closed].mean()) if counted else 0.0,
        float(people.revenue[closed].mean()) if counted else 0.0,
        float(people.revenue[closed].std()) if counted else 0.0,
        plan.measure,
    )
    share = float(people.held[drawn].mean()) if drawn.any() else 0.0
    if not 0 < spread < math.inf or not 0 < share < 1:
        return ExperimentProgress(counted, waiting, None, None, planned)
    needed = math.ceil(people_needed(spread, share, plan.effect))
    left = _days_left(people.since[drawn], needed, window, now)
    return ExperimentProgress(counted, waiting, needed, left, planned)


def _days_left(since: Codes, needed: int, window: int, now: int) -> int | None:
    """Days until the window of the last person needed is over."""
    if len(since) >= needed:
        return max(0, math.ceil((int(np.sort(since)[needed - 1]) + window - now) / DAY_MS))
    days = min(PACE_DAYS, max(1, math.ceil((now - int(since.min())) / DAY_MS)))
    pace = float((since >= now - days * DAY_MS).sum()) / days
    if not pace:
        return None
    left = math.ceil((needed - len(since)) / pace + window / DAY_MS)
    return left if left <= DAYS_MOST else None
