"""What of the warehouse cannot be read, where every process learns of it: pages say that reports are incomplete."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from tracker.redis_connection import REDIS_ERRORS, connect
from warehouse.tables.damage import Damage

KEY = "dg:damage"
KEPT = 100
"""Findings kept of each source; a page needs to know the days."""
LOOK_SECONDS = 5.0

Source = Literal["look", "deep", "read"]
SOURCES: tuple[Source, ...] = ("look", "deep", "read")
"""Who found it: the schedule's look, ``dangol doctor --deep``, or a report that could not read a file."""

logger = logging.getLogger(__name__)


class Incomplete(NamedTuple):
    """``days`` are those with lost rows, as far as known; ``rows`` their number, about."""

    days: tuple[str, ...]
    rows: int


class DamageRecord:
    """On the hash ``dg:damage``: source → findings. Where Redis does not answer nothing is said and nothing known."""

    def __init__(self, url: str, timeout: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis, self._clock = connect(url, timeout), clock
        self._looked, self._known = float("-inf"), list[Damage]()

    def say(self, source: Source, found: Sequence[Damage]) -> None:
        """What this source finds now; nothing: all is well, as far as it looks."""
        try:
            if found:
                self._redis.hset(KEY, source, msgspec.json.encode(found[:KEPT]))
            else:
                self._redis.hdel(KEY, source)
        except REDIS_ERRORS as error:
            logger.warning("damage to the warehouse is not told to other processes: %s", error)
        self._looked = float("-inf")

    def read(self, found: Sequence[Damage]) -> None:
        """A report could not read these, besides those before."""
        known = {each.path: each for each in (*self._of("read"), *found)}
        self.say("read", list(known.values()))

    def all(self) -> list[Damage]:
        """What is known, from each source once."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            try:
                raw = self._redis.hvals(KEY)
            except REDIS_ERRORS:
                return self._known
            found = {(each.table, each.path): each for part in raw for each in _decoded(part)}
            self._known = list(found.values())
        return self._known

    def incomplete(self) -> Incomplete | None:
        """What pages say; None where all is well."""
        found = self.all()
        if not found:
            return None
        return Incomplete(
            tuple(sorted({each.day for each in found if each.day})), sum(each.rows or 0 for each in found)
        )

    def _of(self, source: Source) -> list[Damage]:
        try:
            raw = self._redis.hget(KEY, source)
        except REDIS_ERRORS:
            return []
        return _decoded(raw) if raw else []


def _decoded(raw: bytes) -> list[Damage]:
    try:
        return msgspec.json.decode(raw, type=list[Damage])
    except msgspec.DecodeError:
        return []
