"""Who asked that a site's history be classified anew, and what became of it: for desk, command and schedule."""

import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from tracker.durations import DAY_SECONDS
from tracker.redis_connection import redis_errors

KEPT_SECONDS = 30 * DAY_SECONDS
MESSAGE_LIMIT = 300

State = Literal["waiting", "running", "done", "failed"]


class ClassificationRun(msgspec.Struct, frozen=True, kw_only=True):
    """Times in ms. ``rows`` were rewritten and ``profiles`` rebuilt; ``message`` is the error of one that failed."""

    asked: int
    state: State = "waiting"
    finished: int = 0
    rows: int = 0
    profiles: int = 0
    message: str = ""

    @property
    def due(self) -> bool:
        """Whether it is still to be done; a running one whose process ended is, too."""
        return self.state in ("waiting", "running")


class ClassificationRuns:
    """The newest run of each site. Raises Unavailable."""

    def __init__(self, client: Any, clock: Callable[[], float] = time.time) -> None:
        self._client, self._clock = client, clock

    def read(self, site: str) -> ClassificationRun | None:
        with redis_errors("channels"):
            raw = self._client.get(_key(site))
        return msgspec.json.decode(raw, type=ClassificationRun) if raw else None

    def request(self, site: str) -> ClassificationRun:
        """Ask the schedule for a run. One that is running begins again afterwards: the rules may have changed since."""
        return self._write(site, ClassificationRun(asked=self._now()))

    def run(self, site: str, work: Callable[[], tuple[int, int]]) -> ClassificationRun:
        """Do ``work``, which tells rows and profiles, and keep its record. Raises what it raises."""
        asked = self.read(site) or ClassificationRun(asked=self._now())
        asked = self._write(site, msgspec.structs.replace(asked, state="running"))
        try:
            rows, profiles = work()
        except BaseException as error:
            message = (str(error) or type(error).__name__)[:MESSAGE_LIMIT]
            self._ended(site, asked, state="failed", message=message)
            raise
        return self._ended(site, asked, state="done", rows=rows, profiles=profiles)

    def _ended(self, site: str, asked: ClassificationRun, **outcome: Any) -> ClassificationRun:
        """The record of a run's end, unless another was asked for meanwhile."""
        ended = msgspec.structs.replace(asked, finished=self._now(), **outcome)
        return self._write(site, ended) if self.read(site) == asked else ended

    def _write(self, site: str, run: ClassificationRun) -> ClassificationRun:
        with redis_errors("channels"):
            self._client.set(_key(site), msgspec.json.encode(run), ex=KEPT_SECONDS)
        return run

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _key(site: str) -> str:
    return f"dg:{{{site}}}:channels"
