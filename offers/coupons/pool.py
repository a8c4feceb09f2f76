"""Pools of coupon codes in Redis: each person is given one code of a pool, the same ever after."""

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from offers.coupons.codes import POOL_LIMIT, CouponsInvalid
from profiles.redis.commands import RedisCommands, Script
from profiles.sansio import Steps
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.unavailable import Unavailable

KEEP_SECONDS = 800 * DAY_SECONDS
"""A pool lives so long after the last code was added or issued: its orders are counted for two years."""
POOLS_LIMIT = 500
NETWORK_SHARE, NETWORK_LEAST = 0.25, 4
"""Of a pool, what the visitors of one network may be given in a day by one process: made-up visitors empty no pool."""
NETWORKS_KEPT = 100_000
PATIENCE = 5.0
"""Seconds that a marketer may wait for Redis; a visitor never does."""
ERASED = "erased"
"""Whose code it was, once that person is erased. No person's digest looks like it."""
PORTION = 5_000

ISSUE, ADD = (
    (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8") for name in ("issue", "add")
)


class CouponsUnavailable(Unavailable):
    """The pools cannot be reached now."""


class Pool(NamedTuple):
    """How many codes a pool has: still free, and issued."""

    name: str
    free: int
    issued: int


class Coupons(Protocol):
    """What a decision needs of coupons. ``who`` is the person's first id (``offers.decision.holdout.subject``)."""

    def available(self, site: str, pool: str, who: str, network: str = "") -> Steps[bool]:
        """Whether the person has a code of the pool, or could be given one. False when that cannot be known."""

    def issue(self, site: str, pool: str, who: str, network: str = "") -> Steps[str]:
        """The person's code; "" when there is none left."""


class NoCoupons:
    """Without pools."""

    def available(self, *_: object) -> Steps[bool]:
        yield from ()
        return False

    def issue(self, *_: object) -> Steps[str]:
        yield from ()
        return ""


class CouponStore:
    """Pools on keys ``dg:coupons:{site:pool}:free`` (list), ``issued`` (person → code) and ``codes`` (code → person);
    their names on the set ``dg:coupon-pools:site``. A person is a digest of site and id."""

    def __init__(
        self, url: str, timeout: float = 0.05, clock: Callable[[], float] = time.time, processes: int = 1
    ) -> None:
        """``processes``: so many issue beside each other."""
        self._redis, self._patient = connect(url, timeout), connect(url, PATIENCE)
        self._commands, self._script = RedisCommands(self._redis), Script(ISSUE)
        self._clock, self._processes = clock, processes
        self._day, self._given = 0, dict[tuple[str, str, str], int]()
        self._lock = threading.Lock()

    def available(self, site: str, pool: str, who: str, network: str = "") -> Steps[bool]:
        issued, free, codes = _keys(site, pool)
        try:
            own, left, size = yield from self._commands.sending(
                ("HEXISTS", issued, _person(site, who)), ("LLEN", free), ("HLEN", codes)
            )
        except REDIS_ERRORS:
            return False
        return bool(own) or (bool(left) and not self._used_up((site, pool, network), int(size)))

    def issue(self, site: str, pool: str, who: str, network: str = "") -> Steps[str]:
        keys = _keys(site, pool)
        try:
            code, fresh = yield from self._commands.running_script(self._script, keys, [_person(site, who)])
            if fresh:
                with self._lock:
                    self._given[site, pool, network] = self._given.get((site, pool, network), 0) + 1
                yield from self._commands.sending(*(("EXPIRE", key, KEEP_SECONDS) for key in keys))
        except REDIS_ERRORS:
            return ""
        return str(code, "utf-8")

    def add(self, site: str, pool: str, codes: Sequence[str]) -> int:
        """Add ``codes`` (``offers.coupons.codes.checked``); how many of them are new. What was issued stays issued.
        Raises CouponsInvalid, CouponsUnavailable."""
        _, free, held = keys = _keys(site, pool)
        try:
            names = self._patient.smembers(_pools(site))
            if pool.encode() not in names and len(names) >= POOLS_LIMIT:
                raise CouponsInvalid("pool", f"{POOLS_LIMIT} pools is the most a site may have")
            if self._patient.hlen(held) + len(codes) > POOL_LIMIT:
                raise CouponsInvalid("codes", f"{POOL_LIMIT:,} codes is the most a pool may have")
            self._patient.sadd(_pools(site), pool)
            portions = (codes[begin : begin + PORTION] for begin in range(0, len(codes), PORTION))
            added = sum(int(self._patient.eval(ADD, 2, free, held, *portion)) for portion in portions)
            for key in keys:
                self._patient.expire(key, KEEP_SECONDS)
        except REDIS_ERRORS as error:
            raise CouponsUnavailable(str(error)) from error
        return added

    def pools(self, site: str) -> list[Pool]:
        """Every pool of the site, by name. Raises CouponsUnavailable."""
        try:
            names = sorted(name.decode() for name in self._patient.smembers(_pools(site)))
            return [self._pool(site, name) for name in names]
        except REDIS_ERRORS as error:
            raise CouponsUnavailable(str(error)) from error

    def pool(self, site: str, name: str) -> Pool | None:
        """One pool, None where there is none. Raises CouponsUnavailable."""
        try:
            known = self._patient.sismember(_pools(site), name)
            return self._pool(site, name) if known else None
        except REDIS_ERRORS as error:
            raise CouponsUnavailable(str(error)) from error

    def _pool(self, site: str, name: str) -> Pool:
        _, free, codes = _keys(site, name)
        left = int(self._patient.llen(free))
        return Pool(name, left, int(self._patient.hlen(codes)) - left)

    def issued(self, site: str, pool: str) -> list[str]:
        """The codes of the pool that somebody was given. Raises CouponsUnavailable."""
        try:
            found: Mapping[bytes, bytes] = dict(self._patient.hscan_iter(_keys(site, pool)[2], count=PORTION))
        except REDIS_ERRORS as error:
            raise CouponsUnavailable(str(error)) from error
        return sorted(code.decode() for code, person in found.items() if person)

    def remove(self, site: str, pool: str) -> bool:
        """Remove the pool with all its codes; whether there was one. Raises CouponsUnavailable."""
        try:
            known = self._patient.srem(_pools(site), pool)
            self._patient.delete(*_keys(site, pool))
        except REDIS_ERRORS as error:
            raise CouponsUnavailable(str(error)) from error
        return bool(known)

    def forget(self, site: str, ids: Collection[str]) -> None:
        """Erase who was given which code; the code stays issued. ``ids`` as in ``issue``. Raises CouponsUnavailable."""
        try:
            for name in self._patient.smembers(_pools(site)):
                issued, _, codes = _keys(site, name.decode())
                for who in ids:
                    code = self._patient.hget(issued, _person(site, who))
                    if code:
                        self._patient.hset(codes, code, ERASED)
                        self._patient.hdel(issued, _person(site, who))
        except REDIS_ERRORS as error:
            raise CouponsUnavailable(str(error)) from error

    def _used_up(self, key: tuple[str, str, str], size: int) -> bool:
        """Whether the network was given its part of today. The site's own server ("") may have all."""
        today = int(self._clock()) // DAY_SECONDS
        with self._lock:
            if today != self._day or len(self._given) > NETWORKS_KEPT:
                self._day, self._given = today, {}
            most = max(NETWORK_LEAST, size * NETWORK_SHARE) / self._processes
            return bool(key[2]) and self._given.get(key, 0) >= most


def _keys(site: str, pool: str) -> tuple[str, str, str]:
    """The braces keep a pool's keys on one Cluster slot."""
    root = f"dg:coupons:{{{site}:{pool}}}"
    return f"{root}:issued", f"{root}:free", f"{root}:codes"


def _pools(site: str) -> str:
    return f"dg:coupon-pools:{site}"


def _person(site: str, who: str) -> str:
    return hashlib.blake2b(f"{site}\0{who}".encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
