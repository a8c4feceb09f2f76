"""A span of time: days or instants in the site's timezone."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.question.refused import QueryRefused

USUAL_DAYS = 30
LONGEST_DAYS = 3700
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Span:
    """``start`` ≤ ts < ``end``, ms since the epoch, UTC; ``zone`` says where its days begin."""

    start: int
    end: int
    zone: ZoneInfo

    @classmethod
    def parse(
        cls, site: Site, from_: str | None, to: str | None, clock: Callable[[], float] = time.time
    ) -> "Span":
        """Both ends inclusive: a day to its last millisecond, an instant itself. Without ``to``: today; without
        ``from_``: the 30 days that end there. Raises QueryRefused naming ``from`` or ``to``.
        """
        zone = site.zone
        today = datetime.fromtimestamp(clock(), zone).date()
        end = _end(to, zone) if to else _midnight(today + timedelta(days=1), zone)
        if from_:
            start = _start(from_, zone)
        else:
            last = datetime.fromtimestamp((end - 1) / 1000, zone).date()
            start = _midnight(last - timedelta(days=USUAL_DAYS - 1), zone)
        if start >= end:
            raise QueryRefused("to" if to else "from", "the span ends before it begins")
        if end - start > LONGEST_DAYS * DAY_MS:
            raise QueryRefused("from", f"at most {LONGEST_DAYS} days")
        return cls(start, end, zone)

    @property
    def first(self) -> date:
        """The local day of its first instant."""
        return datetime.fromtimestamp(self.start / 1000, self.zone).date()

    @property
    def last(self) -> date:
        return datetime.fromtimestamp((self.end - 1) / 1000, self.zone).date()

    def days(self) -> Iterator[date]:
        """Every local day that it has."""
        day = self.first
        while day <= self.last:
            yield day
            day += timedelta(days=1)

    @property
    def whole(self) -> bool:
        """Whether it is made of whole days."""
        begins = _midnight(self.first, self.zone) == self.start
        return begins and _midnight(self.last + timedelta(days=1), self.zone) == self.end

    def before(self) -> "Span":
        """As long, right before: what a period is compared with. Whole days stay whole days."""
        days = (self.last - self.first).days + 1
        if self.whole:
            return Span(_midnight(self.first - timedelta(days=days), self.zone), self.start, self.zone)
        return Span(self.start - (self.end - self.start), self.start, self.zone)

    def local(self, column: str) -> str:
        """SQL: ``column`` (ms, UTC) as ms of the site's wall clock. Plain arithmetic: DuckDB's timezone
        functions take a second for 10M rows, and a span has few changes of the clock."""
        changes = self._changes()
        if len(changes) == 1:
            return f"({column} + {changes[0][1]})"
        cases = " ".join(
            f"when {column} < {until} then {column} + {offset}"
            for (_, offset), (until, _) in itertools.pairwise(changes)
        )
        return f"(case {cases} else {column} + {changes[-1][1]} end)"

    def wall(self, ts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The same of an array of moments within the span."""
        changes = self._changes()
        if len(changes) == 1:
            return ts + changes[0][1]
        begins, offsets = (np.array(column) for column in zip(*changes, strict=True))
        offset: npt.NDArray[np.int64] = offsets[np.maximum(np.searchsorted(begins, ts, "right") - 1, 0)]
        return ts + offset

    def day(self, column: str) -> str:
        """SQL: the local day of ``column`` as days since 1970-01-01; ``date_of`` turns it into a date."""
        return f"({self.local(column)} // {DAY_MS})"

    def _changes(self) -> list[tuple[int, int]]:
        """(from when, ms to add to UTC), the first from the start of the span."""
        found = [(self.start, self._offset(self.start))]
        at = self.start
        while at < self.end:
            step = min(at + DAY_MS, self.end)
            if self._offset(step) != found[-1][1]:
                low, high = at, step
                while high - low > 1:
                    middle = (low + high) // 2
                    if self._offset(middle) == found[-1][1]:
                        low = middle
                    else:
                        high = middle
                found.append((high, self._offset(high)))
            at = step
        return found

    def _offset(self, ts: int) -> int:
        offset = datetime.fromtimestamp(ts / 1000, self.zone).utcoffset()
        return int((offset or timedelta()).total_seconds() * 1000)


def date_of(number: int) -> date:
    """The date so many days after 1970-01-01."""
    return _EPOCH + timedelta(days=number)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return _ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _ms(moment: datetime) -> int:
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _start(text: str, zone: ZoneInfo) -> int:
    moment = _parse("from", text, zone)
    return _midnight(moment, zone) if not isinstance(moment, datetime) else _ms(moment)


def _end(text: str, zone: ZoneInfo) -> int:
    moment = _parse("to", text, zone)
    if isinstance(moment, datetime):
        return _ms(moment) + 1
    return _midnight(moment + timedelta(days=1), zone)


def _parse(field: str, text: str, zone: ZoneInfo) -> date | datetime:
    """A day, or an instant; one without an offset is in the site's timezone."""
    try:
        moment = date.fromisoformat(text) if _DAY.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        raise QueryRefused(field, "neither a day (2026-11-01) nor an instant (2026-11-01T10:00)") from None
    if not 1971 <= moment.year <= 9000:
        raise QueryRefused(field, "the year is out of range")
    if isinstance(moment, datetime) and moment.tzinfo is None:
        return moment.replace(tzinfo=zone)
    return moment
