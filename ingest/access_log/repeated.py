"""Lines that a log has several times: equal requests in one moment, each of which counts.

The ids of a day's lines are kept as numbers in order, eight bytes each; the few that came again are looked at singly.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.access_log.fields import Rows
from tracker.durations import DAY_MS

DAYS_KNOWN = 2
"""Servers write lines down when a request ends: they are nearly in order."""

Numbers = NDArray[np.uint64]
_ODD = np.uint64(0x9E3779B97F4A7C15)


class RepeatedLines:
    """Numbers the equal lines of one file.

    Equal lines say the same time. Those of days long past are forgotten, so that memory does not grow: a line that is
    older than those before it by DAYS_KNOWN days is taken for the same as an equal one."""

    def __init__(self) -> None:
        self._known: dict[int, Numbers] = {}
        self._again: dict[int, Counter[str]] = {}
        self._newest = 0

    def numbered(self, ids: pa.StringArray, ts: Rows) -> pa.StringArray:
        """The ids of the next lines, told apart where they were seen before. ``ts`` in ms; all ids are as long."""
        if not len(ids):
            return ids
        days = ts // DAY_MS
        newest = np.maximum.accumulate(np.concatenate(([self._newest], days)))[1:]
        fresh = days >= newest - DAYS_KNOWN
        numbers, changed = _numbers(ids), dict[int, str]()
        for day in np.unique(days[fresh]).tolist():
            rows = np.flatnonzero(fresh & (days == day))
            changed |= self._of_day(day, numbers[rows], rows, ids)
        self._newest = int(newest[-1])
        for day in [day for day in self._known if day < self._newest - DAYS_KNOWN]:
            del self._known[day]
            self._again.pop(day, None)
        if not changed:
            return ids
        every = ids.to_pylist()
        for row, name in changed.items():
            every[row] = name
        return pa.array(every, pa.string())

    def _of_day(self, day: int, numbers: Numbers, rows: Rows, ids: pa.StringArray) -> dict[int, str]:
        """New ids of rows whose lines were there before."""
        known = self._known.get(day, np.zeros(0, np.uint64))
        used, codes, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        place = np.searchsorted(known, used)
        before = known[np.minimum(place, len(known) - 1)] == used if len(known) else np.zeros(len(used), bool)
        self._known[day] = np.insert(known, place[~before], used[~before])
        again = self._again.setdefault(day, Counter())
        changed = {}
        for index in np.flatnonzero((before | (counts > 1))[codes]).tolist():
            row = int(rows[index])
            name = ids[row].as_py()
            if name not in again:
                again[name] = int(before[codes[index]])
            again[name] += 1
            if again[name] > 1:
                changed[row] = f"{name}-{again[name]}"
        return changed


def _numbers(ids: pa.StringArray) -> Numbers:
    """The last 16 characters of each id as a number. Two ids of one number would only be numbered needlessly."""
    length = len(ids[0].as_py())
    offset = int(np.frombuffer(ids.buffers()[1], np.int32)[ids.offset])
    data = np.frombuffer(ids.buffers()[2], np.uint8)[offset : offset + length * len(ids)]
    last = np.ascontiguousarray(data.reshape(len(ids), length)[:, -16:]).view(np.uint64)
    return last[:, 0] * _ODD ^ last[:, 1]
