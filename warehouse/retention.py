"""Retention: of those who first came (or first bought) in a period, how many came (or bought) again, and when."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from warehouse.refused import QueryRefused
from warehouse.scope import Events, Scope
from warehouse.span import DAY_MS, Span, date_of
from warehouse.visits import CAUSED

Unit = Literal["day", "week", "month"]
Deed = Literal["visit", "purchase"]
UNITS: tuple[Unit, ...] = ("day", "week", "month")
DEEDS: tuple[Deed, ...] = ("visit", "purchase")

HISTORY_DAYS = 1100
"""How far before the span a visitor's first time is looked for."""

_DATE = "('1970-01-01'::date + day::int)"
_PERIODS = {
    "day": "day",
    "week": "(day + 3) // 7",  # weeks begin on Monday: 1970-01-01 was a Thursday
    "month": f"date_part('year', {_DATE}) * 12 + date_part('month', {_DATE}) - 1",
}
_DEEDS = {"visit": CAUSED, "purchase": "name = 'Order Completed'"}

_RETENTION = """
with days as (
    select profile, {day} as day, min(ts) as ts, arg_min(channel, ts) as channel from events where {deed} group by 1, 2
), periods as (
    select profile, ({period})::bigint as period, min(ts) as ts, arg_min(channel, ts) as channel
    from days group by 1, 2
), firsts as (
    select profile, min(period) as cohort, {channel} as channel from periods group by profile
)
select cohort, firsts.channel, period - cohort as later, count(*) as visitors
from periods join firsts using (profile) where cohort >= $first group by all
"""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Visitors whose first time fell into the period that begins on ``start``. ``returned[n]`` of them came again
    in the nth period after it; ``returned[0]`` is all of them. Periods that have not begun are not in it."""

    start: date
    channel: str
    returned: tuple[int, ...]

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
    unit: Unit = "week",
    deed: Deed = "visit",
    by_channel: bool = False,
) -> Retention:
    """One cohort for each period that ``span`` touches; with ``by_channel`` one for each channel that first brought
    them, else channel is "". Raises QueryRefused, WarehouseUnavailable."""
    if unit not in UNITS:
        raise QueryRefused("unit", f"one of {', '.join(UNITS)}")
    if deed not in DEEDS:
        raise QueryRefused("deed", f"one of {', '.join(DEEDS)}")
    history = Span(max(0, span.start - HISTORY_DAYS * DAY_MS), span.end, span.zone)
    sql = _RETENTION.format(
        day=history.day("ts"),
        deed=_DEEDS[deed],
        period=_PERIODS[unit],
        channel="arg_min(channel, ts)" if by_channel else "''",
    )
    first, last = _period(span.first, unit), _period(span.last, unit)
    found: dict[str, dict[int, dict[int, int]]] = {} if by_channel else {"": {}}
    for row in events.rows(sql, Scope(site, history.start, span.end), {"first": first}):
        cohorts = found.setdefault(row["channel"], {})
        cohorts.setdefault(row["cohort"], {})[row["later"]] = row["visitors"]
    return Retention(
        unit,
        tuple(
            Cohort(
                start=_start(period, unit),
                channel=channel,
                returned=tuple(cohorts.get(period, {}).get(at, 0) for at in range(last - period + 1)),
            )
            for channel, cohorts in sorted(found.items())
            for period in range(first, last + 1)
        ),
    )


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
