"""Runs of the scores: who requests one, and how the newest of each site went.

The record is in Redis, so that the command, the API, the desk and the schedule show the same.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from tracker.durations import DAY_SECONDS
from tracker.redis_connection import redis_errors

SCORES_LOCK = "scores"
"""Only one process computes scores at a time."""
REQUEST_SECONDS = DAY_SECONDS
KEPT_SECONDS = 30 * DAY_SECONDS
MESSAGE_LIMIT = 300


class ScoresRequested(Exception):
    """A run of this site's scores waits or runs already."""


class ScoreRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a site's scores, times in ms. ``waiting`` for the schedule to take it up; ``done`` when ``written``
    profiles changed; ``message`` is the error of a failed one."""

    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    asked: int
    started: int | None = None
    finished: int | None = None
    written: int = 0
    message: str = ""


class ScoreRuns:
    """The newest run of each site. ``held`` says whether any process computes scores now. Raises Unavailable."""

    def __init__(self, client: Any, held: Callable[[], bool], clock: Callable[[], float] = time.time) -> None:
        self._client, self._held, self._clock = client, held, clock

    def read(self, site: str) -> ScoreRun | None:
        """The newest; None where there was none. One whose process died has failed."""
        with redis_errors("scores"):
            asked, raw = self._client.mget([_request_key(site), _record(site)])
            run = msgspec.json.decode(raw, type=ScoreRun) if raw else None
            if run and run.state == "running" and not self._held():
                raw = self._client.get(_record(site))  # it may have ended between our two questions
                run = msgspec.json.decode(raw, type=ScoreRun) if raw else run
                if run.state == "running":
                    run = msgspec.structs.replace(
                        run, state="failed", message="its process ended before it did"
                    )
        if asked and not (run and run.state == "running"):
            return ScoreRun(asked=int(asked))
        return run

    def request(self, site: str) -> ScoreRun:
        """Ask the schedule for a run. Raises ScoresRequested while one of this site waits or runs."""
        run = self.read(site)
        if run and run.state == "running":
            raise ScoresRequested("the scores are being computed already; try again when that is done")
        asked = self._now()
        with redis_errors("scores"):
            if not self._client.set(_request_key(site), asked, nx=True, ex=REQUEST_SECONDS):
                raise ScoresRequested("a run of the scores is waiting to begin already")
        return ScoreRun(asked=asked)

    def is_requested(self, site: str) -> bool:
        with redis_errors("scores"):
            return bool(self._client.exists(_request_key(site)))

    def run(self, site: str, work: Callable[[], int]) -> int:
        """Do ``work``, which tells how many profiles it wrote, and keep its record. Raises what ``work`` raises."""
        with redis_errors("scores"):
            asked = self._client.getdel(_request_key(site))
        run = ScoreRun(state="running", asked=int(asked or self._now()), started=self._now())
        self._keep(site, run)
        try:
            written = work()
        except BaseException as error:
            why = (str(error) or type(error).__name__)[:MESSAGE_LIMIT]
            self._keep(site, msgspec.structs.replace(run, state="failed", message=why, finished=self._now()))
            raise
        self._keep(site, msgspec.structs.replace(run, state="done", written=written, finished=self._now()))
        return written

    def _keep(self, site: str, run: ScoreRun) -> None:
        with redis_errors("scores"):
            self._client.set(_record(site), msgspec.json.encode(run), ex=KEPT_SECONDS)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _record(site: str) -> str:
    return f"dg:{{{site}}}:scores:run"  # the braces keep a site's keys on one Cluster slot


def _request_key(site: str) -> str:
    return f"dg:{{{site}}}:scores:asked"
