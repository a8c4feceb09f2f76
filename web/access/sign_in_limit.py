"""How often one address, and anybody as one account, may try to sign in: a few times, whichever process they ask."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from tracker.redis_connection import REDIS_ERRORS, connect

TRIES = 10
WINDOW_SECONDS = 300.0
ADDRESSES_KEPT = 10_000

SCRIPT = (Path(__file__).parent / "sign_in_limit.lua").read_text(encoding="utf-8")

logger = logging.getLogger(__name__)


class SignInLimit(Protocol):
    def wait(self, address: str) -> float:
        """0 for a try that counts from now on, else the seconds until ``address`` (or whatever else tries are counted
        by) may try again. Of many that try
        at the same time, no more than TRIES get through."""

    def right(self, address: str) -> None:
        """The last try was no guess and does not count. Those before do: who has one password may guess others."""


class LocalSignInLimit:
    """Of one process: bounded."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, Lock()
        self._tries: dict[str, list[float]] = {}

    def wait(self, address: str) -> float:
        now = self._clock()
        with self._lock:
            recent = [at for at in self._tries.pop(address, ()) if abs(now - at) < WINDOW_SECONDS]
            oldest = recent[0] if len(recent) >= TRIES else now - WINDOW_SECONDS
            waiting = min(WINDOW_SECONDS, WINDOW_SECONDS - (now - oldest))
            self._tries[address] = recent if waiting else [*recent, now]
            while len(self._tries) > ADDRESSES_KEPT:
                self._tries.pop(next(iter(self._tries)))
        return waiting

    def right(self, address: str) -> None:
        with self._lock:
            if tries := self._tries.get(address):
                tries.pop()


class RedisSignInLimit:
    """Of all processes, in lists ``dg:guesses:{address}``. While Redis does not answer, each process counts its own:
    nobody guesses freely, and nobody is locked out by a store that is away."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time, timeout: float = 1.0) -> None:
        self._url, self._clock, self._timeout = url, clock, timeout
        self._own = LocalSignInLimit(clock)
        self._try: Any = None

    def wait(self, address: str) -> float:
        try:
            arguments = [self._clock(), TRIES, WINDOW_SECONDS]
            return float(self._script()(keys=[_key(address)], args=arguments))
        except REDIS_ERRORS:
            logger.warning("tries to sign in are not shared: Redis does not answer")
            return self._own.wait(address)

    def right(self, address: str) -> None:
        self._own.right(address)
        try:
            self._script().registered_client.lpop(_key(address))
        except REDIS_ERRORS:
            logger.warning("tries to sign in are not shared: Redis does not answer")

    def close(self) -> None:
        if self._try is not None:
            self._try.registered_client.close()

    def _script(self) -> Any:
        """At the first use: a cluster is asked for its nodes, and it may be away when the desk starts."""
        if self._try is None:
            self._try = connect(self._url, self._timeout).register_script(SCRIPT)
        return self._try


def _key(address: str) -> str:
    return f"dg:guesses:{address}"
