"""The scheduler: runs a table of jobs at their intervals, each job in one process at a time."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from recommender.jobs.lock import Busy, Lock, locked

log = logging.getLogger("dangol.jobs.schedule")

LOOK_SECONDS = 2.0
JUMP_SECONDS = 5.0


class Job(NamedTuple):
    """One row of the table. ``lock`` names what only one process may do at a time, "" for no such thing."""

    name: str
    run: Callable[[], object]
    minutes: float
    lock: str = ""
    soon: bool = False  # also when the scheduler starts


class Scheduler:
    """Runs a table of jobs in this process. A job that fails is logged and runs again at its next time.

    ``lock`` makes the cross-process lock of a name; its term must be well over ``hold`` seconds. ``ended`` is called
    after each job, however it went.

    APScheduler plans by the wall clock: after one that was two hours ahead is set right, every job would stand still
    for two hours. So the clock is watched against the monotonic one, and the plan moves along with it.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        lock: Callable[[str], Lock],
        hold: float = 20.0,
        ended: Callable[[], object] = lambda: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._jobs, self._lock, self._hold = {job.name: job for job in jobs}, lock, hold
        self._ended, self._wall = ended, wall
        self._apart = self._wall() - time.monotonic()
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job in jobs:
            self._scheduler.add_job(
                self.run, "interval", (job.name,), minutes=job.minutes, id=job.name, jitter=_jitter(job)
            )

    def start(self) -> None:
        self._scheduler.start()
        threading.Thread(target=self._watch, name="clock", daemon=True).start()
        for job in self._jobs.values():
            if job.soon:
                self._scheduler.add_job(self.run, args=(job.name,), id=f"{job.name}:soon")

    def stop(self) -> None:
        """Wait for what runs, start nothing more."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            apart = self._wall() - time.monotonic()
            moved = apart - self._apart
            if abs(moved) > JUMP_SECONDS:
                self._apart = apart
                self._move(moved)

    def _move(self, seconds: float) -> None:
        """Every job keeps the time that it had to wait, an interval at the most: one that came up since the clock was
        set has its next time by the new clock already."""
        log.warning("the clock was set by %+.0f s; the schedule goes on as if it had not been", seconds)
        now = datetime.fromtimestamp(self._wall(), UTC)
        for name, job in self._jobs.items():
            planned = self._scheduler.get_job(name)
            if planned is not None and planned.next_run_time is not None:
                latest = now + timedelta(minutes=job.minutes, seconds=_jitter(job))
                at = min(planned.next_run_time + timedelta(seconds=seconds), latest)
                self._scheduler.modify_job(name, next_run_time=at)

    def run(self, name: str) -> bool:
        """Run one job now, in this thread. False when it failed or another process runs it."""
        job = self._jobs[name]
        try:
            if job.lock:
                locked(job.run, self._lock(job.lock), self._hold)
            else:
                job.run()
        except Busy:
            log.info("job %s: runs in another process", name)
            return False
        except Exception:
            log.exception("job %s failed; what was live stays live", name)
            return False
        finally:
            self._ended()
        return True


def _jitter(job: Job) -> int:
    """Seconds of spread, so that several schedulers do not all ask for the lock at once."""
    return max(1, int(job.minutes * 6))
