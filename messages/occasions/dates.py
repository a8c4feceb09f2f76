"""Days and hours that make a message due. Pure functions."""

import re
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from profiles.model import Profile

HOUR_OF_DAY = 9
"""When messages of a day are due, by the site's clock."""
_DAY = re.compile(r"(?:(\d{4})-?|--?)?(\d{2})-?(\d{2})(?:[T ].*)?")


def day_of(value: Any) -> tuple[int, int] | None:
    """Month and day of a date as ISO, with or without a year (1990-05-17, --05-17, 05-17); None for anything else."""
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 40 else None
    if found is None:
        return None
    month, day = int(found[2]), int(found[3])
    try:
        date(2000, month, day)  # a leap year
    except ValueError:
        return None
    return month, day


def falls_on(day: tuple[int, int], today: date) -> bool:
    """Whether a yearly day is ``today``. February 29 is February 28 where there is none."""
    if day == (today.month, today.day):
        return True
    ends_early = (today.month, today.day) == (2, 28) and (today + timedelta(days=1)).month == 3
    return day == (2, 29) and ends_early


def due_on(today: date, zone: ZoneInfo) -> int:
    """When (ms) messages of the day are due."""
    return int(datetime.combine(today, time(HOUR_OF_DAY), zone).timestamp() * 1000)


def best_hour(profile: Profile, zone: ZoneInfo) -> int | None:
    """The hour of the day at which most of the person's visits began; None where they made fewer than three."""
    if len(profile.sessions) < 3:
        return None
    hours = Counter(datetime.fromtimestamp(each.start / 1000, zone).hour for each in profile.sessions)
    return min(hours, key=lambda hour: (-hours[hour], hour))


def next_at(hour: int, now: int, zone: ZoneInfo) -> int:
    """When (ms) it is that hour, now or next."""
    local = datetime.fromtimestamp(now / 1000, zone)
    if local.hour == hour:
        return now
    then = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if then < local:
        then += timedelta(days=1)
    return int(then.timestamp() * 1000)
