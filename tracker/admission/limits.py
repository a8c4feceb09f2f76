"""Abuse limits: token buckets for each write key and each address."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from tracker.refusal import Refusal

BUCKETS_KEPT = 50_000
"""Callers kept in memory. Beyond that, the longest idle one is removed, and starts again with a full bucket."""
LEASE_SECONDS = 0.05


class Rate(msgspec.Struct, frozen=True):
    """``per_second`` events in the long run, ``burst`` at once. 0 a second: no limit."""

    per_second: float = 0.0
    burst: float = 0.0


class _Bucket:
    __slots__ = ("at", "tokens")

    def __init__(self, tokens: float, at: float) -> None:
        self.tokens, self.at = tokens, at


Shared = Callable[[str, float, float, float], Awaitable[float]]
"""``take(name, wanted, per_second, burst)``: the tokens granted from the bucket of all processes. See RedisBuckets."""


class Limiter:
    """One token bucket for each caller. With ``shared``, ``admit_shared`` fetches tokens from there in small leases,
    each for many requests; when that is down, nobody is refused."""

    def __init__(
        self, rate: Rate, shared: Shared | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._shared, self._clock = rate, shared, clock
        self.limited = rate.per_second > 0
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    async def admit_shared(self, caller: str, events: int) -> Refusal | None:
        """As ``admit``; leases more tokens first where those held here are too few. Only this caller waits for them."""
        if self.limited and self._shared:
            with self._lock:
                missing = events - self._bucket(caller).tokens
            if missing > 0:
                lease = max(missing, self._rate.per_second * LEASE_SECONDS)
                taken = await self._shared(caller, lease, self._rate.per_second, self._rate.burst)
                with self._lock:
                    self._bucket(caller).tokens += taken
        return self.admit(caller, events)

    def admit(self, caller: str, events: int) -> Refusal | None:
        """None when ``caller`` may send ``events`` more; else a 429 refusal with the time to wait."""
        if not self.limited:
            return None
        with self._lock:
            bucket = self._bucket(caller)
            if bucket.tokens >= events or events > self._rate.burst <= bucket.tokens:
                bucket.tokens -= (
                    events  # a batch above the burst passes when the bucket is full, and is paid off
                )
                return None
            wait = (min(events, self._rate.burst) - bucket.tokens) / self._rate.per_second
        return Refusal(
            "rate_limited", "too many events; slow down", status=429, retry_after=max(1.0, math.ceil(wait))
        )

    def _bucket(self, caller: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(0.0 if self._shared else self._rate.burst, now)
            if len(self._buckets) > BUCKETS_KEPT:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        if not self._shared:
            earned = max(0.0, now - bucket.at) * self._rate.per_second
            bucket.tokens = min(self._rate.burst, bucket.tokens + earned)
        bucket.at = now
        return bucket
