"""Training runs: one training at a time in the whole installation, and its progress.

The record is in Redis, so that the command, the API, the desk and the scheduler show the same.
"""

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from recommender.data.interactions import NothingToLearn
from recommender.jobs.lock import LOCK_SECONDS, Busy, RedisLock, locked
from recommender.model.card import Card, Reason
from recommender.training.progress import Progress, Stage
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, redis_errors

log = logging.getLogger("dangol.recommender")

REQUEST_SCRIPT = Path(__file__).with_name("request.lua").read_text(encoding="utf-8")
TRAINING_LOCK = "train"
"""A refresh takes it, too, as both publish a model."""
TRAINING = "training:"
"""Prefix of the lock's holder while a training holds it."""
REQUEST_SECONDS = DAY_SECONDS
KEPT_SECONDS = 30 * DAY_SECONDS
MESSAGE_LIMIT = 300

State = Literal["waiting", "running", "done", "nothing", "failed"]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One training of a site, times in ms.

    ``waiting`` for the schedule to take it up; ``done`` means that it made ``version``, which serves if ``accepted``;
    ``nothing`` that there was nothing to learn from. ``reason`` is why it serves or not, ``message`` the verdict or the
    error; ``failures`` counts runs that failed one after another, up to this one.
    """

    id: str
    asked: int
    state: State = "waiting"
    started: int | None = None
    finished: int | None = None
    stage: Stage | None = None
    share: float = 0.0
    version: str = ""
    accepted: bool = False
    reason: Reason = ""
    message: str = ""
    failures: int = 0


class TrainingRuns:
    """The newest run of each site. Raises Unavailable."""

    def __init__(self, client: Any, clock: Callable[[], float] = time.time) -> None:
        self._client, self._clock = client, clock
        self._request = client.register_script(REQUEST_SCRIPT)

    def read(self, site: str) -> Run | None:
        """The newest; None where there was none. One whose process died has failed."""
        with redis_errors("training"):
            raw = self._client.get(_record(site))
            run = msgspec.json.decode(raw, type=Run) if raw else None
            if run and run.state == "running" and self._holder() != f"{TRAINING}{run.id}":
                # It may have ended between our two questions.
                run = msgspec.json.decode(self._client.get(_record(site)) or raw, type=Run)
                if run.state == "running":
                    run = self._failed(run, "its process ended before the training did", None)
        return run

    def request(self, site: str) -> Run:
        """Ask the schedule for a training. Raises Busy while one runs, of whatever site, or this site's waits."""
        if self._holder().startswith(TRAINING):
            raise Busy("a training is running already; try again when it is done")
        run = Run(id=secrets.token_hex(8), asked=self._now(), failures=self._failures(site))
        with redis_errors("training"):
            keys = [_request_key(site), _record(site)]
            if not self._request(keys=keys, args=[run.id, msgspec.json.encode(run), REQUEST_SECONDS]):
                raise Busy("a training is waiting to begin already")
        return run

    def is_requested(self, site: str) -> bool:
        """Whether a training of the site is requested and has not begun."""
        return bool(self._requested(site))

    def run(self, site: str, work: Callable[[Progress], Card]) -> Card:
        """Do ``work``, a training of the site, and keep its record. Raises Busy, and what ``work`` raises."""
        requested, run = self._requested(site), self.read(site)
        if run is None or run.id != requested:
            failures = run.failures if run else 0
            run = Run(id=requested or secrets.token_hex(8), asked=self._now(), failures=failures)
        lock = RedisLock(self._client, TRAINING_LOCK, LOCK_SECONDS, holder=f"{TRAINING}{run.id}")
        return locked(lambda: self._recorded(site, run, work), lock, LOCK_SECONDS / 4)

    def _recorded(self, site: str, run: Run, work: Callable[[Progress], Card]) -> Card:
        with redis_errors("training"):
            self._client.delete(_request_key(site))
        run = msgspec.structs.replace(run, state="running", started=self._now())
        self._keep(site, run)

        def tell(stage: Stage, share: float) -> None:
            nonlocal run
            run = msgspec.structs.replace(run, stage=stage, share=share)
            self._keep(site, run)

        try:
            card = work(Progress(tell))
        except NothingToLearn as nothing:
            ended = msgspec.structs.replace(run, state="nothing", message=str(nothing), failures=0)
            self._keep(site, msgspec.structs.replace(ended, finished=self._now()))
            raise
        except BaseException as error:
            self._keep(site, self._failed(run, str(error) or type(error).__name__, self._now()))
            raise
        done = msgspec.structs.replace(run, state="done", share=1.0, version=card.version, failures=0)
        done = msgspec.structs.replace(done, accepted=card.accepted, reason=card.reason)
        done = msgspec.structs.replace(done, message=card.verdict)
        self._keep(site, msgspec.structs.replace(done, finished=self._now()))
        return card

    def _failed(self, run: Run, why: str, finished: int | None) -> Run:
        why = why[:MESSAGE_LIMIT]
        return msgspec.structs.replace(
            run, state="failed", message=why, failures=run.failures + 1, finished=finished
        )

    def _keep(self, site: str, run: Run) -> None:
        """Store the record. A training goes on when that fails."""
        try:
            self._client.set(_record(site), msgspec.json.encode(run), ex=KEPT_SECONDS)
        except REDIS_ERRORS as error:
            log.warning("progress of a training not told: %s", error)

    def _failures(self, site: str) -> int:
        before = self.read(site)
        return before.failures if before else 0

    def _requested(self, site: str) -> str:
        with redis_errors("training"):
            return cast(bytes, self._client.get(_request_key(site)) or b"").decode()

    def _holder(self) -> str:
        return RedisLock(self._client, TRAINING_LOCK).held_by()

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _record(site: str) -> str:
    return f"dg:{{{site}}}:training"  # the braces keep a site's keys on one Cluster slot


def _request_key(site: str) -> str:
    return f"dg:{{{site}}}:training:asked"
