"""The planned end of an experiment: when it is, and how many people will have been enrolled."""

from typing import NamedTuple

from offers.experiments.people import Codes
from tracker.durations import DAY_MS

PACE_DAYS = 7
"""People a day are those of the first days: a plan that follows the count of people chooses itself by what it sees."""


class PlannedEnd(NamedTuple):
    """``people``: who are enrolled before ``at`` (ms), until then as many as may be expected; 1 and 0 of an experiment
    without anybody. ``over``: the goal's window of all of them is."""

    people: float = 1.0
    at: int = 0
    over: bool = False


def planned_end(since: Codes, days: int, window: int, now: int) -> PlannedEnd:
    """``days`` after the first of those who were enrolled at ``since``, as of ``now``; the rest in ms."""
    if not len(since):
        return PlannedEnd()
    first = int(since.min())
    at = first + days * DAY_MS
    if now >= at:
        return PlannedEnd(float((since < at).sum()), at, at + window < now)
    known = min(days * DAY_MS, PACE_DAYS * DAY_MS, max(DAY_MS, now - first))
    early = int((since < first + known).sum())
    return PlannedEnd(max(1.0, early * days * DAY_MS / known), at)
