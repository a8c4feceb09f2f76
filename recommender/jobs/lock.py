"""A lock across processes, and work that runs only while the lock is held."""

import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

from tracker.machine_clock import CLOCK_SKEW_MS
from tracker.redis_connection import REDIS_ERRORS, RedisClient
from tracker.unavailable import Unavailable

log = logging.getLogger("dangol.recommender")

T = TypeVar("T")

UNLOCK_SCRIPT = Path(__file__).with_name("unlock.lua").read_text(encoding="utf-8")
LOCK_SECONDS = 90.0


class Lock(Protocol):
    """A lock across processes that expires when its holder dies."""

    def take(self) -> bool: ...

    def extend(self) -> bool: ...

    def release(self) -> bool: ...


class Busy(Exception):
    """Another process does the same right now; it is no failure."""


def locked(run: Callable[[], T], lock: Lock, every: float) -> T:
    """Run under the lock, prolonging it every ``every`` seconds. Raises Busy when it is taken."""
    if not lock.take():
        raise Busy("another process does this right now; try again when it is done")
    done = threading.Event()

    def hold() -> None:
        while not done.wait(every):
            try:
                lock.extend()
            except Exception:  # the next round tries again; the term is several rounds long
                log.warning("lock not prolonged", exc_info=True)

    holder = threading.Thread(target=hold, name="lock", daemon=True)
    holder.start()
    try:
        return run()
    finally:
        done.set()
        holder.join()
        try:
            lock.release()
        except Exception:  # what was done is done
            log.warning("lock not released; it expires by itself", exc_info=True)


class RedisLock:
    """A lock across processes that expires by itself when its holder dies. ``holder`` says who takes it."""

    def __init__(
        self, client: RedisClient, name: str, seconds: float = LOCK_SECONDS, holder: str = ""
    ) -> None:
        self._client, self._key, self._ms = client, f"dg:lock:{name}", int(seconds * 1000)
        self._holder = holder or secrets.token_hex(8)
        self._script = client.register_script(UNLOCK_SCRIPT)

    def take(self) -> bool:
        """True when nobody else holds it. Raises Unavailable."""
        try:
            if self._client.set(self._key, self._holder, nx=True, px=self._ms):
                return True
            # Redis keeps the moment of the end: after its clock was set back, a dead holder's would be far away.
            if self._client.pttl(self._key) > self._ms + CLOCK_SKEW_MS:
                self._client.pexpire(self._key, self._ms)
            return False
        except REDIS_ERRORS as error:
            raise Unavailable(f"lock: {error}") from error

    def held_by(self) -> str:
        """Its holder now; "" while it is free. Raises Unavailable."""
        try:
            return cast(bytes, self._client.get(self._key) or b"").decode()
        except REDIS_ERRORS as error:
            raise Unavailable(f"lock: {error}") from error

    def extend(self) -> bool:
        """Hold it for another term; False when it was lost."""
        return self._run(self._ms)

    def release(self) -> bool:
        return self._run(0)

    def _run(self, ms: int) -> bool:
        try:
            return bool(self._script(keys=[self._key], args=[self._holder, ms]))
        except REDIS_ERRORS as error:
            raise Unavailable(f"lock: {error}") from error
