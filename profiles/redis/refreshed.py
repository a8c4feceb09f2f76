"""A value per site that is read again now and then, and served as it was last known when it cannot be read."""

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
"""After a failure nobody waits for Redis for so long."""


class Source(Protocol):
    """What a decision reads beforehand, so that it need not wait for it on the way."""

    def due(self, site: Site) -> bool:
        """Whether it is time to read again, and nobody does."""

    def refresh(self, site: Site) -> None:
        """Read what is due. Never raises for want of Redis."""


class _Known(NamedTuple, Generic[Value]):
    until: float
    stamp: bytes | None
    value: Value


class Refreshed(Generic[Value]):
    """``load(site, stamp)`` gives (stamp, value), or None while the stamp still holds; it may raise a REDIS_ERRORS.

    One thread reads at a time; the others go on with what was known. Only a site's first caller waits.
    """

    def __init__(
        self,
        load: Callable[[str, bytes | None], tuple[bytes | None, Value] | None],
        empty: Value,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._load, self._empty, self._seconds, self._clock = load, empty, seconds, clock
        self._known: dict[str, _Known[Value]] = {}
        self._lock = threading.Lock()

    def get(self, site: str) -> Value:
        """Never raises for want of Redis."""
        known = self._known.get(site)
        if known is not None and self._clock() < known.until:
            return known.value
        if not self._lock.acquire(blocking=known is None):
            return known.value if known is not None else self._empty
        try:
            known = self._known.get(site, known)
            if known is None or self._clock() >= known.until:
                known = self._read(site, known or _Known(0.0, b"never read", self._empty))
                self._known[site] = known
            return known.value
        finally:
            self._lock.release()

    def due(self, site: str) -> bool:
        """Whether ``get`` would read: it is time, and nobody else does."""
        known = self._known.get(site)
        return known is None or (self._clock() >= known.until and not self._lock.locked())

    def known(self, site: str) -> Value:
        """As it was last read; asks nobody."""
        known = self._known.get(site)
        return known.value if known is not None else self._empty

    def _read(self, site: str, known: _Known[Value]) -> _Known[Value]:
        try:
            found = self._load(site, known.stamp)
        except Exception as error:  # what was known is better than nothing
            if not isinstance(error, REDIS_ERRORS):
                log.exception("what is stored for site %s cannot be read", site)
            return known._replace(until=self._clock() + PAUSE_SECONDS)
        stamp, value = found if found is not None else (known.stamp, known.value)
        return _Known(self._clock() + self._seconds, stamp, value)


def number_change(pipe: Any, key: str) -> None:
    """Add the next number of a hash's changes, its field "", to a pipeline. A hash that is made anew begins at the
    microsecond: its numbers are none that a process has read up to before Redis lost its data."""
    pipe.hsetnx(key, "", time.time_ns() // 1_000)
    pipe.hincrby(key, "", 1)
