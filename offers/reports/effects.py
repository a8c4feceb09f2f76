"""A campaign's effect over time and in each part of its people, compared with the holdout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

import numpy as np

from offers.bandit.contexts import parts
from offers.experiments.draw import draw_of
from offers.experiments.intervals import Interval
from offers.experiments.lift import Group, group, rate_difference
from offers.experiments.people import Flags, People
from offers.experiments.sequence import Precision

COURSE_POINTS = 60
"""Points of the course at most: of a longer time not every day is one."""
PARTS_MOST = 6
"""Of each kind the largest parts."""

PartKind = Literal["stage", "device", "channel", "segment"]
KINDS: tuple[PartKind, ...] = ("stage", "device", "channel")


@dataclass(frozen=True, slots=True)
class DayEffect:
    """The difference of conversion rates among those enrolled up to a ``day`` (ISO, the site's), and how many of both
    groups these are."""

    day: str
    people: int
    rate: Interval


@dataclass(frozen=True, slots=True)
class PartEffect:
    """A part of the people, by what they were at their enrolment; of a segment, by what they are now. ``shown`` and
    ``withheld``: its groups. ``rate``: the difference of their conversion rates, which holds for all parts together;
    None while a group is empty."""

    kind: PartKind
    name: str
    shown: Group
    withheld: Group
    rate: Interval | None


def course(people: People, planned: float, zone: tzinfo = UTC) -> list[DayEffect]:
    """The effect as it is known from those enrolled up to each day, of people whose window is over. ``planned``: people
    for whom the interval is narrowest."""
    closed = comparable(people)
    times = people.since[closed]
    if not len(times):
        return []
    found = []
    for day, end in _days(int(times[0]), int(times[-1]), zone):
        until = closed & (people.since < end)
        rate = rate_of(people, until, Precision(planned))
        if rate is not None:
            found.append(DayEffect(day.isoformat(), int(until.sum()), rate))
    return found


def parted(people: People, planned: float, segments: Mapping[str, Flags] | None = None) -> list[PartEffect]:
    """By stage, device, channel and ``segments`` (by id: who is in it), the largest first. A kind that has one part is
    left out."""
    closed = comparable(people)
    masks: list[tuple[PartKind, str, Flags]] = []
    for kind in KINDS:
        masks += [(kind, name, mask) for name, mask in _by_context(people, kind, closed)]
    masks += [("segment", name, mask) for name, mask in _largest(segments or {}, closed)]
    everybody = max(1, int(closed.sum()))
    return [
        PartEffect(
            kind,
            name,
            group(people, mask & ~people.held),
            group(people, mask & people.held),
            rate_of(people, mask, Precision(planned * max(1, int(mask.sum())) / everybody, len(masks))),
        )
        for kind, name, mask in masks
    ]


def comparable(people: People) -> Flags:
    """Whom something could hold out, and whose window is over."""
    drawn: Flags = ~(people.held_share == 0) & ~people.open
    return drawn


def rate_of(people: People, mask: Flags, precision: Precision) -> Interval | None:
    """The difference of conversion rates among the people of ``mask``, -1 to 1; None while a group is empty."""
    if not mask.any():
        return None
    found = rate_difference(people.converted[mask].astype(np.float64), draw_of(people, mask), precision)
    return found and Interval(found.value, max(-1.0, found.low), min(1.0, found.high))


def _by_context(people: People, kind: PartKind, closed: Flags) -> list[tuple[str, Flags]]:
    at = KINDS.index(kind)
    names = [parts(context)[at] for context in people.contexts]
    masks = {
        name: np.isin(people.context, [code for code, each in enumerate(names) if each == name])
        for name in dict.fromkeys(names)
    }
    found = _largest(masks, closed)
    return found if len(found) > 1 else []


def _largest(masks: Mapping[str, Flags], closed: Flags) -> list[tuple[str, Flags]]:
    some = [(name, mask & closed) for name, mask in masks.items() if (mask & closed).any()]
    return sorted(some, key=lambda each: (-int(each[1].sum()), each[0]))[:PARTS_MOST]


def _days(first: int, last: int, zone: tzinfo) -> Iterator[tuple[date, int]]:
    """The site's days from that of ``first`` to that of ``last`` (ms), COURSE_POINTS at most, and the end of each."""
    begin, end = (datetime.fromtimestamp(each / 1000, zone).date() for each in (first, last))
    count = (end - begin).days + 1
    step = -(-count // COURSE_POINTS)
    for at in range((count - 1) % step, count, step):
        day = begin + timedelta(at)
        after = datetime.combine(day + timedelta(1), datetime.min.time(), zone)
        yield day, int(after.timestamp() * 1000)
