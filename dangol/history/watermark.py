"""The moment up to which the warehouse holds every event. What counts against a budget must be complete."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from tracker.log.port import Backlog

MARKS_KEPT = 1_000


class Watermark:
    """Asked now and then, it remembers where the log ended; once all of that is done, that moment is reached.

    That nothing waits at all is seldom true on a busy site. ``backlog`` tells of the group that fills the warehouse and
    commits afterwards; ``clock`` in seconds.
    """

    def __init__(
        self, backlog: Callable[[], Mapping[int, Backlog]], clock: Callable[[], float] = time.time
    ) -> None:
        self._backlog, self._clock = backlog, clock
        self._marks: deque[tuple[int, dict[int, int]]] = deque(maxlen=MARKS_KEPT)
        self._reached: int | None = None
        self._lock = threading.Lock()

    def __call__(self) -> int | None:
        """The moment in ms; None while none is known. Raises LogUnavailable."""
        now, partitions = int(self._clock() * 1000), self._backlog()
        done = {at: each.done for at, each in partitions.items()}
        with self._lock:
            last = self._marks[-1][1] if self._marks else {}
            if any(at in partitions and partitions[at].end < end for at, end in last.items()):
                self._marks.clear()  # the log was recreated: nothing of what it held will ever be done
            self._marks.append((now, {at: each.end for at, each in partitions.items()}))
            while self._marks and all(done.get(at, 0) >= end for at, end in self._marks[0][1].items()):
                self._reached = self._marks.popleft()[0]
            return self._reached
