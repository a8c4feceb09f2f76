"""Budgets: a campaign stops when its impressions, clicks or spend over all visitors are used up.

Each worker reserves a few decisions at a time. A reservation counts against the budget until the warehouse has
had time to know whether it was seen; what was not seen is given back, but for the part that is usually seen late. So a
budget is met from below, and while the warehouse lags it waits instead of overshooting.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from offers.campaign.campaign import Budget
from offers.decision.network_quotas import NetworkQuotas
from offers.feedback.responses import VIEW_MAX_AGE_MS
from profiles.redis.commands import RedisCommands, Script
from profiles.sansio import Steps
from tracker.durations import HOUR_MS
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.unavailable import Unavailable

SLICE_MS = 300_000
HOLD_MS = HOUR_MS
"""So long after a decision its views and clicks are expected; some come later, while the page stands open."""
LATE_LEAST = 0.03
"""The share of views assumed to come later than HOLD_MS, even while fewer are known."""
LEASE_SECONDS = 30.0
LEASE_SIZE = 50
PATIENCE = 5.0
"""Seconds that the job which confirms may wait for Redis; a visitor never does."""
REFUSED_SECONDS = 2.0
"""How long an empty budget is not checked again. It may fill as reservations expire."""

SCRIPT = (Path(__file__).parent / "budget.lua").read_text(encoding="utf-8")


class Spent(NamedTuple):
    """What the warehouse knows of a campaign: views and clicks, each token once. ``late``: the part of the views that
    came more than HOLD_MS after their decision."""

    campaign: str
    views: int
    clicks: int
    late: float = 0.0


class Budgets(Protocol):
    """What a decision needs of budgets."""

    def reserve(self, site: str, campaign: str, budget: Budget, at: int, network: str = "") -> Steps[bool]:
        """Whether one more decision is within the budget, and within the part of it that visitors of one ``network``
        may have in a day; False when that cannot be known. ``at`` in ms."""

    def give_back(self, site: str, campaign: str, network: str = "") -> None:
        """A reservation that was not used."""


class Unlimited:
    """No budgets."""

    def reserve(self, *_: object) -> Steps[bool]:
        yield from ()
        return True

    def give_back(self, *_: object) -> None:
        return None


class BudgetStore:
    """Budgets on the hashes ``dg:budget:{site}:{campaign}``."""

    def __init__(
        self,
        url: str,
        timeout: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        processes: int = 1,
    ) -> None:
        """``processes``: so many decide beside each other."""
        self._redis, self._patient = connect(url, timeout), connect(url, PATIENCE)
        self._commands, self._script = RedisCommands(self._redis), Script(SCRIPT)
        self._clock = clock
        self._quotas = NetworkQuotas(processes)
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._lock = threading.Lock()

    def reserve(self, site: str, campaign: str, budget: Budget, at: int, network: str = "") -> Steps[bool]:
        key = (site, campaign)
        with self._lock:
            if network and not self._quotas.take(key, budget, network, at):
                return False
        granted = yield from self._reserve(key, budget, at)
        if network and not granted:
            with self._lock:
                self._quotas.give_back(key, network)
        return granted

    def _reserve(self, key: tuple[str, str], budget: Budget, at: int) -> Steps[bool]:
        site, campaign = key
        with self._lock:
            lease = self._leases.get(key)
            if lease is not None and lease.holds(self._clock()):
                return lease.spend()
            self._leases.pop(key, None)  # whoever comes meanwhile asks for some of their own
        fresh = yield from self._lease(site, campaign, budget, at, lease)
        with self._lock:
            other = self._leases.get(key)
            if other is not None and other.slice == fresh.slice:
                fresh.granted, fresh.left = fresh.granted + other.granted, fresh.left + other.left
            self._leases[key] = fresh
            return fresh.spend()

    def give_back(self, site: str, campaign: str, network: str = "") -> None:
        with self._lock:
            if network:
                self._quotas.give_back((site, campaign), network)
            lease = self._leases.get((site, campaign))
            if lease is not None:
                lease.left += 1

    def confirm(self, site: str, spent: Iterable[Spent], as_of: int, at: int | None = None) -> None:
        """What the warehouse, complete up to ``as_of`` (ms), counts. What it counted once is spent, even if that was
        erased or became too old to be kept. What was reserved later than ``at`` (ms, now) was by a clock that has been
        set right since: it may still be seen for as long as what is reserved now. Raises Unavailable."""
        slice_now = (1 << 62 if at is None else at) // SLICE_MS
        settled, closed = (as_of - HOLD_MS) // SLICE_MS, (as_of - VIEW_MAX_AGE_MS) // SLICE_MS
        try:
            for each in spent:
                key = _key(site, each.campaign)
                stored = {name: int(value) for name, value in self._patient.hgetall(key).items()}
                ahead = [name for name in stored if name[1:2] == b":" and int(name[2:]) > slice_now + 1]
                old = [name for name in stored if name[:2] == b"d:" and int(name[2:]) < settled]
                gone = [name for name in stored if name[:2] == b"l:" and int(name[2:]) < closed]
                counted = {
                    b"v": max(stored.get(b"v", 0), each.views),
                    b"c": max(stored.get(b"c", 0), each.clicks),
                }
                for name in old:
                    if int(name[2:]) >= closed and (kept := round(stored[name] * max(each.late, LATE_LEAST))):
                        counted[b"l:" + name[2:]] = kept
                with self._patient.pipeline() as pipe:
                    pipe.hset(key, mapping=counted)
                    for name in ahead:
                        pipe.hincrby(key, f"d:{slice_now}", stored[name])
                    if old or gone or ahead:
                        pipe.hdel(key, *old, *gone, *ahead)
                    pipe.execute()
        except REDIS_ERRORS as error:
            raise Unavailable(str(error)) from error

    def _lease(
        self, site: str, campaign: str, budget: Budget, at: int, former: "_Lease | None"
    ) -> Steps["_Lease"]:
        """Some decisions more; what is left of the ``former`` lease goes back."""
        limits = [
            -1 if limit is None else limit for limit in (budget.impressions, budget.clicks, budget.spend)
        ]
        unused = (former.left, former.slice) if former else (0, 0)
        arguments = [at // SLICE_MS, LEASE_SIZE, *limits, budget.cpm / 1000, budget.cpc, *unused]
        try:
            answer = yield from self._commands.running_script(self._script, [_key(site, campaign)], arguments)
            granted = int(answer)
        except REDIS_ERRORS:
            granted = 0
        until = self._clock() + (LEASE_SECONDS if granted else REFUSED_SECONDS)
        return _Lease(at // SLICE_MS, granted, granted, until)


@dataclass(slots=True)
class _Lease:
    """Decisions that this process may make: so many were granted, so many are left, until then."""

    slice: int
    granted: int
    left: int
    until: float

    def holds(self, now: float) -> bool:
        """Whether it says yes, or a no that is still to be believed."""
        return now < self.until and (self.left > 0 or not self.granted)

    def spend(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        return True


def _key(site: str, campaign: str) -> str:
    return f"dg:budget:{site}:{campaign}"
