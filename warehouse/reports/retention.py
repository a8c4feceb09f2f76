"""Retention: of those who first came (or first bought) in a period, how many came (or bought) again, and when."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from tracker.durations import DAY_MS
from warehouse.definitions.shares import Share, share_of
from warehouse.events import Events
from warehouse.index.encoded import EncodedEvents, Longs
from warehouse.index.scan import starts, unique
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span, date_of

Unit = Literal["day", "week", "month"]
Deed = Literal["visit", "purchase"]
UNITS: tuple[Unit, ...] = ("day", "week", "month")
DEEDS: tuple[Deed, ...] = ("visit", "purchase")

HISTORY_DAYS = 1100
"""How far before the span a visitor's first time is looked for."""

_ORDERS = "select hash(profile) as profile, ts, channel from net_orders where orders > 0"

_Row = tuple[int, str, int, int]
"""Cohort, channel, periods later, visitors."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Visitors whose first time fell into the period that begins on ``start``. ``returned[n]`` of them came again
    in the nth period after it, a share with the nth of ``intervals``; ``returned[0]`` is all of them. Periods that have
    not begun are not in it."""

    start: date
    channel: str
    returned: tuple[int, ...]
    intervals: tuple[Share, ...]

    @property
    def size(self) -> int:
        return self.returned[0]


@dataclass(frozen=True, slots=True)
class Retention:
    unit: Unit
    cohorts: tuple[Cohort, ...]


def retention(
    events: Events,
    site: str,
    span: Span,
    currency: str,
    unit: Unit = "week",
    deed: Deed = "visit",
    by_channel: bool = False,
) -> Retention:
    """One cohort for each period that ``span`` has; with ``by_channel`` one for each channel that first brought
    them, else channel is "". ``currency`` is the site's. Raises QueryRefused, WarehouseUnavailable."""
    if unit not in UNITS:
        raise QueryRefused("unit", f"one of {', '.join(UNITS)}")
    if deed not in DEEDS:
        raise QueryRefused("deed", f"one of {', '.join(DEEDS)}")
    history = Span(max(0, span.start - HISTORY_DAYS * DAY_MS), span.end, span.zone)
    first, last = _period(span.first, unit), _period(span.last, unit)
    if deed == "purchase":
        rows = _purchases(
            events, Scope(site, history.start, span.end, currency=currency), history, unit, by_channel
        )
    else:
        rows = _visits(events, site, history, unit, by_channel)
    found: dict[str, dict[int, dict[int, int]]] = {} if by_channel else {"": {}}
    for cohort, channel, later, visitors in rows:
        if cohort >= first:
            found.setdefault(channel, {}).setdefault(cohort, {})[later] = visitors
    return Retention(
        unit,
        tuple(
            _cohort(
                _start(period, unit),
                channel,
                tuple(cohorts.get(period, {}).get(at, 0) for at in range(last - period + 1)),
            )
            for channel, cohorts in sorted(found.items())
            for period in range(first, last + 1)
        ),
    )


def _cohort(start: date, channel: str, returned: tuple[int, ...]) -> Cohort:
    return Cohort(start, channel, returned, tuple(share_of(count, returned[0]) for count in returned))


class _Calendar:
    """The periods of a history, by the days of its clock."""

    def __init__(self, history: Span, unit: Unit) -> None:
        self._history, self._day = history, (history.first - date_of(0)).days
        self._period = np.array([_period(day, unit) for day in history.days()], np.int64)
        self.least = int(self._period[0])
        self.width = int(self._period[-1]) - self.least + 1

    def of(self, ts: Longs) -> Longs:
        """The number of the period of each moment, from 0."""
        periods: Longs = self._period[self._history.wall(ts) // DAY_MS - self._day] - self.least
        return periods


Part = tuple[Longs, Longs, Longs]
"""Pairs of person * width + period, each once; and of some persons the first moment, with the channel in its last
bits."""


def _part(calendar: _Calendar, ts: Longs, person: Longs, came: Longs | None, bits: int) -> Part:
    """Of who did it when; ``came``: the code of the channel, None where it is not asked."""
    pairs = unique(person * calendar.width + calendar.of(ts))
    if came is None:
        return pairs, person[:0], ts[:0]
    packed = ts << bits | came
    order = np.lexsort((packed, person))
    first = order[starts(person[order])]
    return pairs, person[first], packed[first]


def _visits(events: Events, site: str, history: Span, unit: Unit, by_channel: bool) -> list[_Row]:
    visits, calendar = events.visits(site, history.start, history.end), _Calendar(history, unit)
    scan = visits.scan
    channels = scan.touchpoints["channel"].combine_chunks().dictionary_encode()
    channel_of, bits = channels.indices.to_numpy().astype(np.int64), len(channels.dictionary).bit_length()

    def part(index: int, block: EncodedEvents) -> Part:
        opened = visits.opened[index]
        person = scan.persons[index][block.profile[opened]].astype(np.int64)
        came = scan.block_touchpoints(index, channel_of)[block.touchpoint[opened]] if by_channel else None
        return _part(calendar, visits.began(index), person, came, bits)

    names = channels.dictionary.to_pylist() if by_channel else [""]
    return _counted(scan.map(part), calendar, names, len(scan.people), bits)


def _purchases(events: Events, scope: Scope, history: Span, unit: Unit, by_channel: bool) -> list[_Row]:
    table = events.table(_ORDERS, scope).combine_chunks()
    people = unique(table["profile"].to_numpy())
    person = np.searchsorted(people, table["profile"].to_numpy())
    channels = table["channel"].combine_chunks().dictionary_encode()
    came, bits = channels.indices.to_numpy().astype(np.int64), len(channels.dictionary).bit_length()
    calendar = _Calendar(history, unit)
    part = _part(calendar, table["ts"].to_numpy(), person, came if by_channel else None, bits)
    names = channels.dictionary.to_pylist() if by_channel else [""]
    return _counted([part], calendar, names, len(people), bits)


def _counted(parts: list[Part], calendar: _Calendar, names: list[str], people: int, bits: int) -> list[_Row]:
    width, by_channel = calendar.width, names != [""]
    person, period = np.divmod(unique(np.concatenate([each[0] for each in parts])), width)
    begin = starts(person)
    cohort = period[begin][np.cumsum(begin) - 1]
    channel = np.zeros(len(person), np.int64)
    if by_channel:
        first_came = np.full(people, np.iinfo(np.int64).max)
        for _, who, packed in parts:
            first_came[who] = np.minimum(first_came[who], packed)
        channel = first_came[person] & ((1 << bits) - 1)
    keys, codes = np.unique((channel * width + cohort) * width + period - cohort, return_inverse=True)
    counts = np.bincount(codes, minlength=len(keys)).tolist()
    return [
        (key // width % width + calendar.least, names[key // width // width], key % width, count)
        for key, count in zip(keys.tolist(), counts, strict=True)
    ]


def _period(day: date, unit: Unit) -> int:
    """The number of the period that the day lies in."""
    number = (day - date_of(0)).days
    if unit == "day":
        return number
    return (number + 3) // 7 if unit == "week" else day.year * 12 + day.month - 1


def _start(period: int, unit: Unit) -> date:
    """The first day of a period."""
    if unit == "day":
        return date_of(period)
    return date_of(period * 7 - 3) if unit == "week" else date(period // 12, period % 12 + 1, 1)
