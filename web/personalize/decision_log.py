"""What was decided is written beside the request: under a holdout as events, two groups that can be compared; else as
counts (``offers/decision/decision_counts.py``)."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import uuid4

from offers.decision.decision_counts import DecisionCountStore
from offers.decision.decisions import Decision, LoggedDecision
from tracker.event import SITE, Event, encode
from tracker.log.port import EventLog, LogUnavailable, Record
from tracker.sites import Site
from tracker.unavailable import Unavailable

logger = logging.getLogger(__name__)

KEPT = 10_000
"""Events that wait while the log is down; the oldest go first."""
BATCH = 500
COUNT_SECONDS = 5.0
"""Counts wait for so long for others that go with them: what a process that is killed loses of them."""


class Addressee(NamedTuple):
    """About whom it was decided. ``agent`` is their browser, "" when a server asked for them and did not pass it on."""

    visitor: str | None
    user: str | None
    agent: str = ""


class DecisionLog:
    """Appends and counts in a thread of its own: the visitor never waits for it."""

    def __init__(
        self, log: EventLog, counts: DecisionCountStore, clock: Callable[[], float] = time.time
    ) -> None:
        self._log, self._counts, self._clock = log, counts, clock
        self._due: float | None = None
        self._waiting: deque[Record] = deque(maxlen=KEPT)
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, site: Site, who: Addressee, made: Sequence[LoggedDecision]) -> None:
        """What somebody who can be recognised was shown under a holdout, or not."""
        if not made or not (who.visitor or who.user):
            return
        now = int(self._clock() * 1000)
        for each in made:
            props = {"campaign": each.campaign, "slot": each.slot, "token": each.token}
            event = Event(
                site=site.id,
                id=str(uuid4()),
                type="track",
                name=each.event,
                visitor=who.visitor,
                user=who.user,
                ts=now,
                received=now,
                ua=who.agent,
                props=props,
                source="snippet" if who.agent else "api",
                proven=bool(who.user),
                sender=SITE,
            )
            self._waiting.append(Record(event.key, encode(event)))
        self._begin()

    def count(self, site: Site, made: Sequence[Decision]) -> None:
        if not made:
            return
        self._counts.add(site, [(each.campaign, each.variant, each.context) for each in made])
        if self._due is None:
            self._due = time.monotonic() + COUNT_SECONDS
            self._begin()

    def close(self) -> None:
        """Write what waits, as far as the stores take it."""
        for write in (self.flush, self._counts.flush):
            try:
                write()
            except Unavailable as error:
                logger.warning("decisions are lost: %s", error)

    def flush(self) -> None:
        """Append everything that waits. Raises LogUnavailable."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                self._log.append(batch)
            except LogUnavailable:
                self._waiting.extendleft(reversed(batch))
                raise

    def _begin(self) -> None:
        self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._wake.wait(None if self._due is None else max(0.0, self._due - time.monotonic()))
            self._wake.clear()
            try:
                self.flush()
                if self._due is not None and time.monotonic() >= self._due:
                    self._due = None
                    self._counts.flush()
            except Unavailable as error:
                logger.warning("decisions wait: %s", error)
                time.sleep(error.retry_after)
                self._due = time.monotonic()
                self._wake.set()
