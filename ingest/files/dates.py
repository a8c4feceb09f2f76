"""Dates of a column, as shops and spreadsheets write them.

Whether 3/4/2026 is in March or April is decided by the whole column, never row by row: ``observe`` every value, then
``settle``, then ``milliseconds``.
"""

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from ingest.files.rows import FileInvalid, cell_text
from tracker.durations import DAY_SECONDS

ORDERS = ("dmy", "mdy", "ymd")
EARLIEST_YEAR, END_MS = 1980, 4_000_000_000_000
"""An earlier year is a zero that became a date; the end is in 2096."""
_STRAY = 0.01
"""The share of rows that may contradict the others: they are refused one by one."""
_MANY_DAYS, _FEW_YEARS = 8, 2
_CACHED = 100_000

LONGEST = 200
"""Characters of a time."""
_YEAR_FIRST = re.compile(
    r"(\d{4}) ?[-./년] ?(\d{1,2}) ?[-./월] ?(\d{1,2}) ?[.일]?(?=[\sT,(]|$)(.*)", re.DOTALL
)
_THREE = re.compile(r"(\d{1,2}) ?([-./]) ?(\d{1,2}) ?\2 ?(\d{4}|\d{1,2})\.?(?=[\sT,(]|$)(.*)", re.DOTALL)
_DAY_NAME = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})[\s-]+([A-Za-z]{3,9})\.?[\s,-]+(\d{4}|\d{2})\b(.*)", re.DOTALL
)
_NAME_DAY = re.compile(
    r"(?:[A-Za-z]{3,9},\s+)?([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b(.*)", re.DOTALL
)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d\d:?\d\d)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?(?:[eE]\+?\d+)?")
_WEEKDAY = re.compile(r"\A ?\(?[월화수목금토일](?:요일)?\)? ?")
_HALF = {"오전": 0, "am": 0, "a.m.": 0, "오후": 12, "pm": 12, "p.m.": 12}
_TIME = re.compile(
    r"(?P<before>오전|오후|[AaPp][Mm])? ?(?P<h>\d{1,2}) ?(?:[:시] ?)(?:(?P<m>\d{1,2}) ?분?)?"
    r"(?: ?[:]? ?(?P<s>\d{1,2})(?:[.,](?P<f>\d{1,9}))? ?초?)? ?(?P<after>오전|오후|[AaPp]\.?[Mm]\.?)?"
    r" ?(?P<zone>Z|UTC|GMT|KST|[+-]\d{2}(?::?\d{2})?)?(?:\[[^\]]*\])?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001


def _plain(text: str) -> str:
    """With one space where several stand; "" for what is too long to be a time."""
    return " ".join(text.split()) if len(text) <= LONGEST else ""


class Dates:
    """One column's dates. ``zone`` is where a time without one was written; ``order``, one of ORDERS, how days and
    months stand where the column does not show it."""

    def __init__(self, zone: tzinfo, order: str = "") -> None:
        self.zone, self.given, self.order = zone, order, ""
        self._seen = 0
        self._last: Any = None
        self._against: Counter[str] = Counter()
        self._firsts, self._lasts = set[str](), set[str]()
        self._example = ""
        self._known: dict[str, int] = {}

    def observe(self, value: Any) -> None:
        """Take note of how a value is written."""
        if value == self._last:
            return
        self._last = value
        text = _plain(value) if isinstance(value, str) else ""
        if (found := _THREE.fullmatch(text)) is None:
            return
        self._seen += 1
        self._example = self._example or text
        possible = _possible(*found.group(1, 2, 3, 4))
        self._firsts.add(found[1])
        self._lasts.add(found[4])
        self._against.update(order for order in ORDERS if order not in possible)

    def settle(self, column: str) -> None:
        """Decide the order of day and month. Raises FileInvalid where the column does not show it and nobody says."""
        if not self._seen:
            return
        fits = self._year_told([order for order in ORDERS if not self._against[order]])
        if len(fits) == 1:
            self.order = fits[0]
            return
        if self.given and (self.given in fits or not fits):
            self.order = self.given
            return
        if not fits:
            close = [order for order in ORDERS if self._against[order] <= self._seen * _STRAY]
            if len(close) == 1:
                self.order = close[0]
                return
        why = "do not show whether the day or the month comes first" if fits else "are not all in one order"
        raise FileInvalid(
            f"the dates of the column {column!r} {why}, such as {self._example!r}: say --dates dmy, mdy or ymd"
        )

    def _year_told(self, fits: list[str]) -> list[str]:
        """Of two digits, the year is the number with few values, beside many of the day."""
        if "ymd" in fits and len(fits) > 1:
            firsts, lasts = len(self._firsts), len(self._lasts)
            if firsts >= _MANY_DAYS and lasts <= _FEW_YEARS:
                fits.remove("ymd")
            elif lasts >= _MANY_DAYS and firsts <= _FEW_YEARS:
                return ["ymd"]
        return fits

    def milliseconds(self, value: Any) -> int:
        """A moment in ms since the epoch. Raises ValueError, with what is wrong, for what is none."""
        if isinstance(value, datetime | date):
            return self._moment(value)
        text = _plain(cell_text(value))
        if not text:
            raise ValueError("no time")
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            known = self._known[text] = self._moment(self._parsed(text))
        return known

    def _moment(self, value: datetime | date) -> int:
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
        try:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.zone)
            ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        except (OverflowError, ValueError):
            raise ValueError(f"{value} is no time") from None
        if moment.year < EARLIEST_YEAR or ms >= END_MS:
            raise ValueError(f"{value} is no time of a shop")
        return ms

    def _parsed(self, text: str) -> datetime:
        try:
            found = self._calendar(text) or _number(text)
        except (ValueError, OverflowError):
            found = None
        if found is None:
            raise ValueError(f"{text[:60]!r} is no time")
        return found

    def _calendar(self, text: str) -> datetime | None:
        if found := _COMPACT.fullmatch(text):
            year, month, day, *clock = found.groups()
            rest = f" {clock[0]}:{clock[1]}:{clock[2] or '00'}{clock[3] or ''}" if clock[0] else ""
            return _on(int(year), int(month), int(day), rest)
        if found := _YEAR_FIRST.fullmatch(text):
            return _on(int(found[1]), int(found[2]), int(found[3]), found[4])
        if found := _THREE.fullmatch(text):
            numbers = dict(zip(self.order or self.given or "dmy", found.group(1, 3, 4), strict=True))
            return _on(_year(numbers["y"]), int(numbers["m"]), int(numbers["d"]), found[5])
        if found := _DAY_NAME.fullmatch(text):
            return _on(_year(found[3]), _month(found[2]), int(found[1]), found[4])
        if found := _NAME_DAY.fullmatch(text):
            return _on(int(found[3]), _month(found[1]), int(found[2]), found[4])
        return None


def _possible(a: str, separator: str, b: str, c: str) -> set[str]:
    """In which orders the three numbers are a date. With dots, nobody writes the month first."""
    one, two, three = int(a), int(b), int(c)
    year_last = len(c) != 1
    found = set()
    if year_last and 0 < one <= 31 and 0 < two <= 12:
        found.add("dmy")
    if year_last and 0 < one <= 12 and 0 < two <= 31 and separator != ".":
        found.add("mdy")
    if len(c) <= 2 and len(a) == 2 and 0 < two <= 12 and 0 < three <= 31:
        found.add("ymd")
    return found


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 80 else 1900)


def _month(name: str) -> int:
    short = name.lower()[:3]
    if short not in _MONTHS:
        raise ValueError(name)
    return _MONTHS.index(short) + 1


def _on(year: int, month: int, day: int, rest: str) -> datetime:
    """The day, at the time that the rest of the text says. Raises ValueError."""
    moment = datetime(year, month, day)  # noqa: DTZ001
    clock = _WEEKDAY.sub("", rest.lstrip(" ,").removeprefix("T").strip(" ,"))
    if not clock:
        return moment
    found = _TIME.fullmatch(clock)
    if found is None:
        raise ValueError(clock)
    hour = int(found["h"])
    half = (found["before"] or found["after"] or "").lower()
    if half:
        hour = hour % 12 + _HALF[half if half in _HALF else half.replace(".", "")]
    micro = int((found["f"] or "0")[:6].ljust(6, "0"))
    moment = moment.replace(
        hour=hour, minute=int(found["m"] or 0), second=int(found["s"] or 0), microsecond=micro
    )
    return moment.replace(tzinfo=_zone(found["zone"])) if found["zone"] else moment


def _zone(text: str) -> tzinfo:
    if text in ("Z", "UTC", "GMT"):
        return UTC
    if text == "KST":
        return timezone(timedelta(hours=9))
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _number(text: str) -> datetime | None:
    """Seconds, milli-, micro- or nanoseconds since 1970 by their size, or days as spreadsheets count them."""
    if len(text) > 40 or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text.replace(",", "."))
    if 30_000 <= number < 80_000:
        return _EXCEL_DAY_0 + timedelta(milliseconds=round(number * DAY_SECONDS) * 1000)
    for limit, ticks in ((4, 1), (4_000, 1_000), (4_000_000, 10**6), (4_000_000_000, 10**9)):
        if limit * 10**7 <= number < limit * 10**9:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(number * 10**6 / ticks))
    return None
