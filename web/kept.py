"""Answers to slow questions: made in the background, waited for so long, shared, kept for a while."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from warehouse.watch import Cancelled, Watch, watched_by

KEPT = 300
"""Answers at most: each is some hundred rows."""
THREADS = 4
WORTH = 3.0
"""An answer is kept for so many times as long as it took to make: what is quick is always fresh, and what is slow
takes no more than a quarter of a thread."""


@dataclass(slots=True)
class Job:
    """One question under way or answered. ``started`` in seconds; ``made`` when it was answered, ``before``
    the answer that it will replace."""

    started: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    watch: Watch = field(default_factory=Watch)
    made: float | None = None
    future: "Future[Any]" = field(default_factory=Future)
    before: "Job | None" = None

    def keeps(self, most: float, now: float) -> bool:
        """Whether it is under way, or answered so lately that it need not be made again."""
        return self.made is None or now - self.made < min(most, WORTH * (self.made - self.started))


class Working(Exception):
    """The answer is not there yet; ``job`` says how far it is."""

    def __init__(self, job: Job) -> None:
        super().__init__("still counting")
        self.job = job


class Kept:
    """The answers of one process, by question. Whoever asks the same at the same time waits for the same."""

    def __init__(self, clock: Callable[[], float] = time.time, threads: int = THREADS) -> None:
        self._clock, self._lock = clock, Lock()
        self._pool = ThreadPoolExecutor(threads, "report")
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()

    def answer(
        self,
        question: Hashable,
        make: Callable[[], Any],
        most: float,
        patience: float | None = None,
        *,
        stale: bool = False,
    ) -> tuple[Any, float]:
        """The answer and when it was made (seconds since the epoch): at most ``most`` seconds ago, and no longer than
        WORTH says; with ``stale`` an older one at once, while the new one is made. Raises Working after ``patience``
        seconds, Cancelled, and whatever ``make`` raises."""
        job = self._job(question, make, most)
        if stale and job.before is not None and not job.future.done():
            job = job.before
        try:
            return job.future.result(patience), job.made or self._clock()
        except Late:
            if not job.future.done():
                raise Working(job) from None
            raise
        except Exception:
            self._forget(question, job)  # who asks again gets another try
            raise

    def cancel(self, job_id: str) -> bool:
        """Whether there is such a job under way; its queries end now."""
        with self._lock:
            found = [job for job in self._jobs.values() if job.id == job_id and not job.future.done()]
        for job in found:
            job.watch.cancel()
        return bool(found)

    def forget(self, question: Hashable) -> None:
        """Whoever asks next has it made anew."""
        with self._lock:
            self._jobs.pop(question, None)

    def running(self, job: Job) -> float:
        """Seconds since it began."""
        return self._clock() - job.started

    def _job(self, question: Hashable, make: Callable[[], Any], most: float) -> Job:
        now = self._clock()
        with self._lock:
            job = self._jobs.get(question)
            if job is not None and job.keeps(most, now):
                self._jobs.move_to_end(question)
                return job
            before = job if job is not None and job.made is not None else None
            job = self._jobs[question] = Job(now, before=before)
            self._jobs.move_to_end(question)
            job.future = self._pool.submit(self._made, job, make)
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
            return job

    def _made(self, job: Job, make: Callable[[], Any]) -> Any:
        if job.watch.cancelled:
            raise Cancelled
        with watched_by(job.watch):
            found = make()
        job.made, job.before = self._clock(), None
        return found

    def _forget(self, question: Hashable, job: Job) -> None:
        with self._lock:
            if self._jobs.get(question) is job:
                del self._jobs[question]
