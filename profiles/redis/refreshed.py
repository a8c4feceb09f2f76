"""A cached value per site: read again at intervals, and served from the cache while it cannot be read."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from tracker.redis_connection import REDIS_ERRORS
from tracker.sites import Site

log = logging.getLogger(__name__)
Value = TypeVar("Value")

PAUSE_SECONDS = 1.0
"""After a failure, no read is attempted for this long."""


class Source(Protocol):
    """A cache that is refreshed before a decision, so that the decision does not wait for Redis."""

    def due(self, site: Site) -> bool:
        """Whether it is time to read again, and no thread is reading."""

    def refresh(self, site: Site) -> None:
        """Read what is due. Never raises while Redis is unavailable."""


class _Cached(NamedTuple, Generic[Value]):
    until: float
    stamp: bytes | None
    value: Value


class Refreshed(Generic[Value]):
    """``load(site, stamp)`` gives (stamp, value), or None while the stamp still holds; it may raise a REDIS_ERRORS.

    One thread reads at a time; the others go on with what was cached. Only a site's first caller waits.
    """

    def __init__(
        self,
        load: Callable[[str, bytes | None], tuple[bytes | None, Value] | None],
        empty: Value,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._load, self._empty, self._seconds, self._clock = load, empty, seconds, clock
        self._cached: dict[str, _Cached[Value]] = {}
        self._lock = threading.Lock()

    def get(self, site: str) -> Value:
        """The value, read again when it is due. Never raises while Redis is unavailable."""
        cached = self._cached.get(site)
        if cached is not None and self._clock() < cached.until:
            return cached.value
        if not self._lock.acquire(blocking=cached is None):
            return cached.value if cached is not None else self._empty
        try:
            cached = self._cached.get(site, cached)
            if cached is None or self._clock() >= cached.until:
                cached = self._read(site, cached or _Cached(0.0, b"never read", self._empty))
                self._cached[site] = cached
            return cached.value
        finally:
            self._lock.release()

    def due(self, site: str) -> bool:
        """Whether ``get`` would read: it is time, and no thread is reading."""
        cached = self._cached.get(site)
        return cached is None or (self._clock() >= cached.until and not self._lock.locked())

    def cached(self, site: str) -> Value:
        """The value as it was last read; does not read."""
        cached = self._cached.get(site)
        return cached.value if cached is not None else self._empty

    def _read(self, site: str, cached: _Cached[Value]) -> _Cached[Value]:
        try:
            found = self._load(site, cached.stamp)
        except Exception as error:  # the cached value is better than nothing
            if not isinstance(error, REDIS_ERRORS):
                log.exception("what is stored for site %s cannot be read", site)
            return cached._replace(until=self._clock() + PAUSE_SECONDS)
        stamp, value = found if found is not None else (cached.stamp, cached.value)
        return _Cached(self._clock() + self._seconds, stamp, value)


def number_change(pipe: Any, key: str) -> None:
    """Add the next number of a hash's changes, its field "", to a pipeline. A new hash begins at the time in
    microseconds, so that after Redis lost its data no number comes twice."""
    pipe.hsetnx(key, "", time.time_ns() // 1_000)
    pipe.hincrby(key, "", 1)
