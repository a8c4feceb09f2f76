"""What sites lose of the values that they send: counts by field and reason with the last example, of each day.

On the hashes ``dg:losses:{site}:{day}``: "field reason" → count, "=field reason" → when (ms) and example, as JSON.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, cast

import msgspec

from tracker.durations import DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, RedisClient
from tracker.unavailable import Unavailable

DAYS = 30
"""So many days back losses are told."""
KEEP_SECONDS = (DAYS + 5) * DAY_SECONDS


class LossesUnavailable(Unavailable):
    """The losses cannot be read or written now."""


@dataclass(frozen=True, slots=True)
class LossCount:
    """``field`` was lost in ``events`` for ``reason`` (see ``tracker.fields.losses``) since the day ``since``, the last
    time ``at`` (ms, the tracker's clock), when it was ``example``."""

    field: str
    reason: str
    events: int
    since: str
    at: int
    example: str


class SiteLoss(NamedTuple):
    """Losses of a site that are to be added."""

    site: str
    field: str
    reason: str
    events: int
    at: int
    example: str


class LossStore:
    """Losses of all sites, added up over processes."""

    def __init__(self, client: RedisClient) -> None:
        self._client = cast(Any, client)

    def add(self, losses: Iterable[SiteLoss]) -> None:
        """Raises LossesUnavailable; then some of them may have been added."""
        pipeline = self._client.pipeline(transaction=False)
        for each in losses:
            key, name = _key(each.site, _day(each.at)), f"{each.field} {each.reason}"
            pipeline.hincrby(key, name, each.events)
            pipeline.hset(key, "=" + name, msgspec.json.encode((each.at, each.example)))
            pipeline.expire(key, KEEP_SECONDS)
        try:
            pipeline.execute()
        except REDIS_ERRORS as error:
            raise LossesUnavailable(str(error)) from error

    def read(self, site: str, now: float, days: int = DAYS) -> list[LossCount]:
        """The losses of the last ``days``, the latest first. ``now`` in seconds. Raises LossesUnavailable."""
        today = _day(int(now * 1000))
        span = [today - timedelta(days=back) for back in range(days)]
        pipeline = self._client.pipeline(transaction=False)
        for day in span:
            pipeline.hgetall(_key(site, day))
        try:
            found = pipeline.execute()
        except REDIS_ERRORS as error:
            raise LossesUnavailable(str(error)) from error
        known: dict[str, LossCount] = {}
        for day, fields in zip(span, found, strict=True):
            for name, count in fields.items():
                if (plain := name.decode())[:1] != "=":
                    _count(known, plain, int(count), day, fields.get(b"=" + name, b'[0, ""]'))
        return sorted(known.values(), key=lambda each: (-each.at, each.field, each.reason))


def _count(known: dict[str, LossCount], name: str, count: int, day: date, last: bytes) -> None:
    """From the newest day to the oldest."""
    if before := known.get(name):
        known[name] = replace(before, events=before.events + count, since=day.isoformat())
        return
    field, _, reason = name.partition(" ")
    at, example = msgspec.json.decode(last, type=tuple[int, str])
    known[name] = LossCount(field, reason, count, day.isoformat(), at, example)


def _key(site: str, day: date) -> str:
    return f"dg:losses:{site}:{day.isoformat()}"


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()
