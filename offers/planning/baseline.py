"""What an experiment starts from: how many people come each day, and how often they reach the goal by themselves."""

import math
from dataclasses import dataclass

import numpy as np

from offers.experiments.people import Codes, Flags, Numbers
from tracker.durations import DAY_MS

HISTORY_DAYS = 28
"""Days of history that a plan is made from."""
LATE_DAYS = 7
"""After the history's end so many people are new each day as were on average in its last days."""
CONVERSIONS_LEAST = 25
"""With fewer the rate is not known to a fifth of itself, and no number is told."""
DAYS_LEAST = 14
"""Of the history's days so many must have somebody on them."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """``arrivals``: people on each day of the history who had not come on an earlier one. ``rate``: the part of them
    who reached the goal within its window; ``revenue``: mean net revenue of a person within it, ``deviation`` its
    standard deviation. ``converted``: how many people the rate is known from."""

    arrivals: tuple[float, ...]
    rate: float
    revenue: float
    deviation: float
    converted: int

    @property
    def people_a_day(self) -> float:
        return math.fsum(self.arrivals) / len(self.arrivals) if self.arrivals else 0.0

    @property
    def enough(self) -> bool:
        """Whether a plan can be made from it."""
        days = sum(each > 0 for each in self.arrivals)
        return days >= DAYS_LEAST and self.converted >= CONVERSIONS_LEAST

    def people_after(self, days: int) -> float:
        """People enrolled in so many days. Whoever comes again is not enrolled again, so a day brings fewer new ones
        later on."""
        known = self.arrivals[:days]
        return math.fsum(known) + (days - len(known)) * self._later

    def days_until(self, people: float) -> int | None:
        """Days in which so many are enrolled; None when they never will be."""
        enrolled = 0.0
        for day, each in enumerate(self.arrivals, 1):
            enrolled += each
            if enrolled >= people:
                return day
        if not self._later or not math.isfinite(people):
            return None
        return len(self.arrivals) + math.ceil((people - enrolled) / self._later)

    @property
    def _later(self) -> float:
        late = self.arrivals[-LATE_DAYS:]
        return math.fsum(late) / len(late) if late else 0.0


def baseline(
    since: Codes,
    converted: Flags,
    revenue: Numbers,
    start: int,
    matched: float = 1.0,
    of: Flags | None = None,
) -> Baseline:
    """From rows of people who came in the HISTORY_DAYS from ``start`` (ms): when each came first, whether they reached
    the goal, their revenue. ``matched``: the part of them who are in the audience. ``of``: those of whom the rate is
    known to hold; None: all."""
    day = np.clip((since - start) // DAY_MS, 0, HISTORY_DAYS - 1)
    arrivals = np.bincount(day, minlength=HISTORY_DAYS) * matched
    reached, paid = (converted, revenue) if of is None else (converted[of], revenue[of])
    return Baseline(
        tuple(float(each) for each in arrivals),
        float(reached.mean()) if len(reached) else 0.0,
        float(paid.mean()) if len(paid) else 0.0,
        float(paid.std(ddof=1)) if len(paid) > 1 else 0.0,
        int(reached.sum()),
    )
