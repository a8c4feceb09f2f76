"""One at a time across processes: do something while a lock is held."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

log = logging.getLogger("dangol.recommender")

T = TypeVar("T")


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
