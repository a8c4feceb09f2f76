"""How large each segment was, day by day: one number a day, as everybody was last asked."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from offers.segments.store import SegmentsUnavailable
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, connect

DAYS_KEPT = 400


class SegmentSizes:
    """On the hash ``dg:segment-sizes:{site}:{segment}``: ISO day → members. Raises SegmentsUnavailable."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)

    def record(self, site: str, day: date, members: Mapping[str, int]) -> None:
        """The sizes of ``day``, so far; the last word of a day counts. What is older than DAYS_KEPT goes."""
        gone = (day - timedelta(DAYS_KEPT)).isoformat()
        try:
            with self._redis.pipeline() as pipe:
                for segment, size in members.items():
                    key = _key(site, segment)
                    pipe.hset(key, day.isoformat(), size).hdel(key, gone).expire(key, DAYS_KEPT * DAY_SECONDS)
                pipe.execute()
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error

    def history(self, site: str, segments: Iterable[str], last: date, days: int) -> dict[str, list[int]]:
        """For each segment its sizes of the ``days`` until ``last``; a day without a word is as the one before it,
        and what was before the first word is left out."""
        names = list(segments)
        wanted = [(last - timedelta(back)).isoformat() for back in range(days - 1, -1, -1)]
        try:
            with self._redis.pipeline() as pipe:
                for name in names:
                    pipe.hmget(_key(site, name), wanted)
                rows = pipe.execute()
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error
        return {name: _filled(row) for name, row in zip(names, rows, strict=True)}


def _filled(row: Iterable[bytes | None]) -> list[int]:
    sizes: list[int] = []
    for value in row:
        if value is not None:
            sizes.append(int(value))
        elif sizes:
            sizes.append(sizes[-1])
    return sizes


def _key(site: str, segment: str) -> str:
    return f"dg:segment-sizes:{site}:{segment}"
