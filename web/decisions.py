"""What was decided under a holdout goes into the event log, beside the request: two groups that can be compared."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from uuid import uuid4

from offers.decide import Withheld
from tracker.event import Event, encode
from tracker.log import EventLog, LogUnavailable, Record
from tracker.sites import Site

logger = logging.getLogger(__name__)

KEPT = 10_000
"""Events that wait while the log is down; the oldest go first."""
BATCH = 500


class DecisionLog:
    """Appends in a thread of its own: the visitor never waits for it."""

    def __init__(self, log: EventLog, clock: Callable[[], float] = time.time) -> None:
        self._log, self._clock = log, clock
        self._waiting: deque[Record] = deque(maxlen=KEPT)
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, site: Site, visitor: str | None, user: str | None, made: Sequence[Withheld]) -> None:
        if not made or not (visitor or user):
            return
        now = int(self._clock() * 1000)
        for each in made:
            props = {"campaign": each.campaign, "slot": each.slot, "token": each.token}
            event = Event(
                site=site.id,
                id=str(uuid4()),
                type="track",
                name=each.event,
                visitor=visitor,
                user=user,
                ts=now,
                received=now,
                props=props,
                source="api",
            )
            self._waiting.append(Record(event.key, encode(event)))
        self._wake.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Append everything that waits. Raises LogUnavailable."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                self._log.append(batch)
            except LogUnavailable:
                self._waiting.extendleft(reversed(batch))
                raise

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            try:
                self.flush()
            except LogUnavailable as error:
                logger.warning("decisions wait: %s", error)
                time.sleep(error.retry_after)
                self._wake.set()
