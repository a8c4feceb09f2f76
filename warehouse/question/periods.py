"""The periods of a series: the days of a span, or the hours of one day."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from tracker.durations import DAY_MS, HOUR_MS
from warehouse.question.span import Span, date_of

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Periods:
    """Of the site's clock. A day on which the clock is put forward has 23 hours, one on which it is put back has 25."""

    span: Span

    @property
    def hourly(self) -> bool:
        return self.span.first == self.span.last

    @property
    def count(self) -> int:
        if self.hourly:
            return -((self._begin - self.span.end) // HOUR_MS)
        return (self.span.last - self.span.first).days + 1

    def of(self, ts: Longs) -> Longs:
        """The period of each moment (ms) of the span, from 0."""
        if self.hourly:
            hours: Longs = (ts - self._begin) // HOUR_MS
            return hours
        days: Longs = self.span.wall(ts) // DAY_MS - (self.span.first - date_of(0)).days
        return days

    def hours(self) -> list[datetime]:
        """When each hour begins, on the site's clock."""
        starts = (self._begin + number * HOUR_MS for number in range(self.count))
        return [datetime.fromtimestamp(start / 1000, self.span.zone) for start in starts]

    @property
    def _begin(self) -> int:
        """The full hour of the site's clock at or before the span's start."""
        wall = int(self.span.wall(np.array([self.span.start], np.int64))[0])
        return self.span.start - wall % HOUR_MS
