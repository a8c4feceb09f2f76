"""The schedule: which job runs how often, one of a kind at a time across all processes."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from recommender.lock import Busy, Lock, locked

log = logging.getLogger("dangol.schedule")


class Job(NamedTuple):
    """One row of the table. ``lock`` names what only one process may do at a time, "" for no such thing."""

    name: str
    run: Callable[[], object]
    minutes: float
    lock: str = ""
    soon: bool = False  # also at start


class Schedule:
    """Runs a table of jobs in this process. A job that fails is logged and runs again at its next time.

    ``lock`` makes the cross-process lock of a name; its term must be well over ``hold`` seconds. ``ended`` is called
    after each job, however it went.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        lock: Callable[[str], Lock],
        hold: float = 20.0,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        self._jobs, self._lock, self._hold = {job.name: job for job in jobs}, lock, hold
        self._ended = ended
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 300},
        )
        for job in jobs:
            self._scheduler.add_job(
                self.run, "interval", (job.name,), minutes=job.minutes, id=job.name, jitter=_jitter(job)
            )

    def start(self) -> None:
        self._scheduler.start()
        for job in self._jobs.values():
            if job.soon:
                self._scheduler.add_job(self.run, args=(job.name,), id=f"{job.name}:soon")

    def stop(self) -> None:
        """Wait for what runs, start nothing more."""
        self._scheduler.shutdown(wait=True)

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
