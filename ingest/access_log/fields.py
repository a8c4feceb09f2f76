"""One field of many lines at once: numbers and times in NumPy, texts as the distinct ones among them."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.access_log.format import CLF_TIME, Format, moment
from ingest.access_log.lines import Lines, texts, windows_of

T = TypeVar("T")
U = TypeVar("U")
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CLF_LENGTH = len("17/May/2015:10:05:03 +0000")
_DIGITS = np.array([0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25])
_SIGNS = {2: b"/", 6: b"/", 11: b":", 14: b":", 17: b":", 20: b" "}
_HUNDREDS = np.array([100, 10, 1])
_PLACES = np.array([1 << 16, 1 << 8, 1])
_MONTHS = np.frombuffer(b"JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).reshape(12, 3) @ _PLACES
_NUMBERS = np.argsort(_MONTHS) + 1
_PACKED = np.sort(_MONTHS)


class Distinct(NamedTuple, Generic[T]):
    """Values of rows: row i has ``values[codes[i]]``, so that each value is looked at once."""

    values: list[T]
    codes: Rows

    def map(self, function: Callable[[T], U]) -> "Distinct[U]":
        return Distinct([function(value) for value in self.values], self.codes)

    def array(self, function: Callable[[T], str | None] | None = None) -> pa.Array:
        """The rows' texts for Arrow: what ``function`` makes of the values, or the values, which are texts."""
        values = [function(value) for value in self.values] if function else self.values
        return pa.array(values, pa.string()).take(pa.array(self.codes))

    def only(self, good: Mask) -> "Distinct[T]":
        """The rows that are good, and no values that none of them has."""
        used, codes = np.unique(self.codes[good], return_inverse=True)
        return Distinct([self.values[index] for index in used.tolist()], codes)


def pairs(one: Distinct[T], other: Distinct[U]) -> Distinct[tuple[T, U]]:
    """The distinct pairs of two fields."""
    if len(one.values) == 1:
        return other.map(lambda value: (one.values[0], value))
    width = max(len(other.values), 1)
    used, codes = np.unique(one.codes * width + other.codes, return_inverse=True)
    values = [(one.values[index // width], other.values[index % width]) for index in used.tolist()]
    return Distinct(values, codes)


def encoded(lines: Lines, form: Format, name: str, rows: Rows) -> tuple[pa.StringArray, Rows]:
    """The distinct texts of the field ``name`` of the lines ``rows``, and the number of each row's."""
    column = form.fields.index(name)
    found = texts(lines.data, lines.starts[rows, column], lines.ends[rows, column]).dictionary_encode()
    return found.dictionary, found.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def distinct(lines: Lines, form: Format, name: str, rows: Rows) -> Distinct[str]:
    """The field ``name`` of the lines ``rows``; "" everywhere when the format does not have it."""
    if name not in form.fields:
        return Distinct([""], np.zeros(len(rows), np.int64))
    known, codes = encoded(lines, form, name, rows)
    return Distinct(known.to_pylist(), codes)


def statuses(lines: Lines, form: Format) -> Rows:
    """Each line's status, 0 where the format has none, -1 for what is no status."""
    if "status" not in form.fields:
        return np.zeros(len(lines.good), np.int64)
    column = form.fields.index("status")
    starts = lines.starts[:, column]
    digits = windows_of(lines.data, 3, starts) - 48  # what is less is more than 9: these are bytes
    right = (lines.ends[:, column] - starts == 3) & (digits <= 9).all(axis=1)
    return np.where(right & lines.good & (digits[:, 0] > 0), digits.astype(np.int64) @ _HUNDREDS, -1)


def times(lines: Lines, form: Format, zone: tzinfo) -> Rows:
    """Each line's time in ms since the epoch, -1 for what is no time. ``zone``: of times that name none."""
    column = form.fields.index("time")
    starts, ends = lines.starts[:, column], lines.ends[:, column]
    if form.time == CLF_TIME:
        told = _clf(windows_of(lines.data, _CLF_LENGTH, starts))
        return np.where(lines.good & (ends - starts == _CLF_LENGTH), told, -1)
    rows = np.flatnonzero(lines.good)
    found = distinct(lines, form, "time", rows).map(lambda text: moment(text, form.time, zone))
    result = np.full(len(lines.good), -1)
    result[rows] = np.array([-1 if ms is None else ms for ms in found.values], np.int64)[found.codes]
    return result


def _clf(text: NDArray[np.uint8]) -> Rows:
    """``17/May/2015:10:05:03 +0000``, one a row, in ms; -1 where it is not that."""
    digits = text[:, _DIGITS] - 48  # what is less is more than 9: these are bytes
    good = (digits <= 9).all(axis=1)
    for at, sign in _SIGNS.items():
        good &= text[:, at] == sign[0]
    east, west = text[:, 21] == 43, text[:, 21] == 45
    good &= east | west
    tens = (digits[:, 0::2] * 10 + digits[:, 1::2]).astype(np.int64)  # 99 at most where they are digits
    day, century, years, hour, minute, second, zone_hours, zone_minutes = tens.T
    year, month = century * 100 + years, _months(text[:, 3:6])
    good &= (month > 0) & (day >= 1) & (hour < 24) & (minute < 60) & (second <= 60) & (year >= 1990)
    months = (np.where(good, year, 1970) - 1970) * 12 + np.maximum(month, 1) - 1
    used, codes = np.unique(months, return_inverse=True)
    first, following = (
        (used + more).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for more in (0, 1)
    )
    good &= day <= (following - first)[codes]
    offset = np.where(west, -1, 1) * (zone_hours * 60 + zone_minutes)
    minutes = ((first[codes] + day - 1) * 24 + hour) * 60 + minute - offset
    ms = (minutes * 60 + second) * 1000
    return np.where(good & (ms >= 0), ms, -1)


def _months(names: NDArray[np.uint8]) -> Rows:
    """1 for ``Jan`` and so on, one a row; 0 for what is no month."""
    packed = names.astype(np.int64) @ _PLACES
    place = np.minimum(np.searchsorted(_PACKED, packed), len(_PACKED) - 1)
    return np.where(_PACKED[place] == packed, _NUMBERS[place], 0)
