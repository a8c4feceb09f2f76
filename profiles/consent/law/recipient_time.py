"""Hours at the recipient's place: in every timezone that they may be in."""

import functools
from collections import defaultdict
from datetime import datetime
from importlib import resources
from zoneinfo import ZoneInfo

from tracker.durations import MINUTE_MS, WEEK_MS

Hours = tuple[int, int]
"""Minutes after midnight: from inclusive, to exclusive; they may pass midnight. Equal ones are none at all."""

NIGHT: Hours = (21 * 60, 8 * 60)
DAY_MINUTES = 24 * 60


@functools.cache
def _zones() -> dict[str, tuple[str, ...]]:
    """The timezones of each country, from the table of the IANA database."""
    found = defaultdict[str, list[str]](list)
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found[country].append(zone)
    return {country: tuple(zones) for country, zones in found.items()}


def zones_of(country: str) -> tuple[str, ...]:
    """The timezones of a country (ISO 3166), none for one that is not known."""
    return _zones().get(country, ())


def known_zone(name: object) -> bool:
    """Whether ``name`` is a timezone."""
    if not isinstance(name, str) or not name or len(name) > 64:
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def within(hours: Hours, at: int, zones: tuple[str, ...]) -> bool:
    """Whether it is within ``hours`` at ``at`` (ms) in any of the zones. Without a zone it is."""
    if hours[0] == hours[1]:
        return False
    return not zones or any(_left(hours, minute) for minute in _minutes(at // MINUTE_MS, zones))


def closed(hours: Hours, at: int, zones: tuple[str, ...]) -> tuple[bool, int]:
    """Whether it is within ``hours``, and when (ms) that ends; 0 where it is not, or where nobody can tell."""
    if not within(hours, at, zones):
        return False, 0
    return True, opening(hours, at, zones)


def opening(hours: Hours, at: int, zones: tuple[str, ...]) -> int:
    """The first moment (ms) from ``at`` on that is outside ``hours`` in every zone; 0 where there is none within a
    week, as of zones whose days never meet."""
    if hours[0] == hours[1]:
        return at
    moment = at
    while zones and moment < at + WEEK_MS:
        # The zone whose night ends last forbids every moment before that.
        left = max(_left(hours, minute) for minute in _minutes(moment // MINUTE_MS, zones))
        if not left:
            return moment
        moment = (moment // MINUTE_MS + left) * MINUTE_MS
    return 0


def _left(hours: Hours, minute: int) -> int:
    """How many minutes of ``hours`` are left; 0 outside of them."""
    start, end = hours
    inside = start <= minute < end if start < end else minute >= start or minute < end
    return (end - minute) % DAY_MINUTES if inside else 0


@functools.lru_cache(4096)
def _minutes(minute: int, zones: tuple[str, ...]) -> frozenset[int]:
    """The local minutes after midnight: a country's zones share a few."""
    moments = (datetime.fromtimestamp(minute * 60, ZoneInfo(name)) for name in zones)
    return frozenset(local.hour * 60 + local.minute for local in moments)
