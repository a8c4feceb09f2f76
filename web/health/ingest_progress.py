"""How long ingest has not got on while events wait, where every process learns of it: pages say that reports stand
still."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from tracker.log.port import Backlog
from tracker.redis_connection import REDIS_ERRORS, connect

KEY = "dg:ingest"
STILL_SECONDS = 120.0
"""Ingest commits every few seconds, and starts again within half a minute: after this, something is wrong."""


class IngestLag(NamedTuple):
    """``events`` wait for ingest; in the partition that is worst off, nothing was done for ``seconds``."""

    events: int
    seconds: float

    @property
    def still(self) -> bool:
        return self.seconds > STILL_SECONDS


class _PartitionState(msgspec.Struct, array_like=True, frozen=True):
    """A partition is ``done`` up to here, and events have waited there ``since``, in seconds."""

    done: int
    since: float


_decoder = msgspec.json.Decoder(_PartitionState)


class IngestProgress:
    """Looks at the log, and remembers on the hash ``dg:ingest`` (partition → stand) what it saw first. Where Redis
    does not answer, this object remembers."""

    def __init__(
        self,
        url: str,
        backlog: Callable[[], Mapping[int, Backlog]],
        timeout: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis, self._backlog, self._clock = connect(url, timeout), backlog, clock
        self._known: dict[int, _PartitionState] = {}

    def look(self) -> IngestLag:
        """Raises LogUnavailable."""
        backlog, now = self._backlog(), self._clock()
        waiting = {partition: one.done for partition, one in backlog.items() if one.end > one.done}
        known = self._remembered()
        stands = {}
        for partition, done in waiting.items():
            stand = known.get(partition)
            # A clock that was set back must not hide anything, nor one that was ahead raise an alarm for long.
            stands[partition] = (
                stand if stand and stand.done == done and stand.since <= now else _PartitionState(done, now)
            )
        self._remember(known, stands)
        longest = max((now - stand.since for stand in stands.values()), default=0.0)
        return IngestLag(sum(one.end - one.done for one in backlog.values()), longest)

    def close(self) -> None:
        self._redis.close()

    def _remembered(self) -> dict[int, _PartitionState]:
        try:
            found = self._redis.hgetall(KEY)
            return {int(partition): _decoder.decode(raw) for partition, raw in found.items()}
        except (*REDIS_ERRORS, ValueError):
            return self._known

    def _remember(self, known: Mapping[int, _PartitionState], stands: dict[int, _PartitionState]) -> None:
        self._known = stands
        try:
            if gone := [partition for partition in known if partition not in stands]:
                self._redis.hdel(KEY, *gone)
            if new := {at: msgspec.json.encode(one) for at, one in stands.items() if known.get(at) != one}:
                self._redis.hset(KEY, mapping=new)
        except REDIS_ERRORS:
            pass
