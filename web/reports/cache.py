"""Answers to slow questions: made in the background, waited for so long, shared, kept for a while."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from warehouse.running_query import Cancelled, RunningQuery, run_under
from web.reports.cancellation import Cancellation

KEPT = 300
"""Answers at most: each is some hundred rows."""
THREADS = 4
INSIST_SECONDS = 0.2
WORTH = 3.0
"""An answer is kept for so many times as long as it took to make: what is quick is always fresh, and what is slow
takes no more than a quarter of a thread."""


@dataclass(slots=True)
class CountJob:
    """One question under way or answered. ``started`` in seconds; ``made`` when it was answered, ``before``
    the answer that it will replace."""

    started: float
    id: str
    query: RunningQuery = field(default_factory=RunningQuery)
    made: float | None = None
    future: "Future[Any]" = field(default_factory=Future)
    before: "CountJob | None" = None

    def keeps(self, most: float, now: float) -> bool:
        """Whether it is under way, or answered so lately that it need not be made again."""
        if self.made is None:
            return True
        took = abs(
            self.made - self.started
        )  # a clock that is set meanwhile makes nothing worth keeping for ever
        return 0 <= now - self.made < min(most, WORTH * took)


class StillCounting(Exception):
    """The answer is not there yet; ``job`` says how far it is."""

    def __init__(self, job: CountJob) -> None:
        super().__init__("still counting")
        self.job = job


class ReportCache:
    """The answers of one process, by question. Whoever asks the same at the same time waits for the same.

    They are Python objects of the warehouse's, cheaper to count again in each process than to send around. A job's id
    is made of its question, with a ``key`` that nobody outside knows, so that all processes call it the same.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, threads: int = THREADS, key: bytes = b""
    ) -> None:
        self._clock, self._lock, self._key = clock, Lock(), hashlib.sha256(key).digest()
        self._pool = ThreadPoolExecutor(threads, "report")
        self._jobs: OrderedDict[Hashable, CountJob] = OrderedDict()

    def answer(
        self,
        question: Hashable,
        make: Callable[[], Any],
        most: float,
        patience: float | None = None,
        *,
        stale: float = 0.0,
    ) -> tuple[Any, float]:
        """The answer and when it was made (seconds since the epoch): at most ``most`` seconds ago, and no longer than
        WORTH says; or ``stale`` seconds ago, at once, while the new one is made. Raises StillCounting after
        ``patience`` seconds, Cancelled, and whatever ``make`` raises."""
        job = self._job(question, make, most)
        before = job.before
        if before and before.made and not job.future.done() and 0 <= self._clock() - before.made < stale:
            job = before
        try:
            return job.future.result(patience), job.made or self._clock()
        except NotDone:
            if not job.future.done():
                raise StillCounting(job) from None
            raise
        except Exception:
            self._forget(question, job)  # who asks again gets another try
            raise

    def stop(self, stop: Cancellation) -> None:
        """The queries of that job end now, if it is under way here and began before."""
        with self._lock:
            found = [
                job
                for job in self._jobs.values()
                if job.id == stop.job and job.started <= stop.at and not job.future.done()
            ]
        for job in found:
            Thread(target=_insist, args=(job,), name="stop", daemon=True).start()

    def forget(self, question: Hashable) -> None:
        """Whoever asks next has it made anew."""
        with self._lock:
            self._jobs.pop(question, None)

    def running(self, job: CountJob) -> float:
        """Seconds since it began."""
        return max(0.0, self._clock() - job.started)

    def _job(self, question: Hashable, make: Callable[[], Any], most: float) -> CountJob:
        now = self._clock()
        with self._lock:
            job = self._jobs.get(question)
            if job is not None and job.keeps(most, now):
                self._jobs.move_to_end(question)
                return job
            before = job if job is not None and job.made is not None else None
            job = self._jobs[question] = CountJob(now, self._id(question), before=before)
            self._jobs.move_to_end(question)
            job.future = self._pool.submit(self._made, job, make)
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
            return job

    def _id(self, question: Hashable) -> str:
        return hashlib.blake2b(repr(question).encode(), key=self._key, digest_size=12).hexdigest()

    def _made(self, job: CountJob, make: Callable[[], Any]) -> Any:
        if job.query.cancelled:
            raise Cancelled
        with run_under(job.query):
            found = make()
        job.made, job.before = self._clock(), None
        return found

    def _forget(self, question: Hashable, job: CountJob) -> None:
        with self._lock:
            if self._jobs.get(question) is job:
                del self._jobs[question]


def _insist(job: CountJob) -> None:
    """A query that is about to begin does not hear that it should end: it is said until it is heard."""
    while not job.future.done():
        job.query.cancel()
        wait([job.future], INSIST_SECONDS)
