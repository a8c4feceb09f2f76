"""The ingest worker: from the log into profiles at once, into the warehouse in larger portions.

A step, in the order that makes ``kill -9`` harmless between any two of them:

1. Poll messages. Decode and enrich them (``ingest.worker.decoding``); what cannot be is a dead letter. ``run``
   leaves this to another thread, one portion ahead (``ingest.worker.prefetch``).
2. Fold them into the profiles and save those, each onto the version that was loaded
   (``ingest.folding.profile_updates``).
   What was received of somebody before they were erased is dropped (``profiles.erasures``), here and again before 4.
3. Keep their rows in memory (``ingest.worker.flushing``, as all that follows).

and whenever enough rows wait, or have waited long enough:

4. Make the dead letters durable.
5. Append the rows to the warehouse together with their positions, in one Delta commit. ``run`` leaves this
   to another thread and goes on with 1 to 3; there is one portion under way at most.
6. Commit the positions in the log.

After a crash the log gives everything since 6 again. What 2 had saved is recognised by the positions in the
profile and yields the same rows once more; what 5 had stored is recognised by the positions in the warehouse.
"""

import gc
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import msgspec

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import Enrich
from ingest.folding.events import EnrichedEvent, Result
from ingest.folding.isolation import PASSING, Stopped
from ingest.folding.profile_updates import Consents, ProfileUpdater
from ingest.folding.unprofiled import UnprofiledEvents, session_of
from ingest.losses import LossCounter, Losses
from ingest.metrics import Metrics
from ingest.worker.decoding import DecodedMessages, Decoder, Rejected, Unprofiled
from ingest.worker.flushing import Outbox
from ingest.worker.log_generations import Generations, WarehouseWriter
from ingest.worker.prefetch import Prefetcher, Progress
from profiles.erasures import Erased, NobodyErased
from profiles.fold.fold import Outcome, Verdict
from profiles.ids import user_id, visitor_id
from profiles.model import Touch
from profiles.store.port import ProfileStore, ProfilesUnavailable
from tracker.log.port import EventLog, LogUnavailable, Message
from tracker.sites import Sites
from tracker.unavailable import Unavailable
from warehouse.tables.schema import AliasRow

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
GC_THRESHOLD = 1_000_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a worker takes at once and how long rows may wait."""

    batch: int = 10_000  # messages folded together, at most; a worker that keeps up takes what there is
    poll_seconds: float = 0.1
    flush_rows: int = 20_000
    flush_bytes: int = 32 * 1024 * 1024
    flush_seconds: float = 3.0
    most_rows: int = 100_000  # while the warehouse is away; then the worker stops reading


DEFAULT_BOUNDS = Bounds()


class Worker:
    """One member of the consumer group. ``run`` until told to stop, or ``step`` by hand."""

    def __init__(
        self,
        *,
        log: EventLog,
        store: ProfileStore,
        warehouse: WarehouseWriter,
        sites: Sites,
        facts: Enrich,
        deadletters: DeadLetters,
        erased: Erased | None = None,
        consents: Consents | None = None,
        losses: Losses | None = None,
        group: str = "ingest",
        member: str = "worker",
        log_name: str = "",
        bounds: Bounds = DEFAULT_BOUNDS,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.time,
        reader: Executor | None = None,
        flusher: Executor | None = None,
    ) -> None:
        """``log_name`` names the log for positions: another log counts from the start again.

        ``consents`` is told of consent events before they count as done, perhaps more than once.
        ``losses`` is told what was lost of the events' values.
        ``reader`` runs step 1 and ``flusher`` the appends, each one at a time; without them ``step`` waits for them.
        """
        self.log, self.group, self.member = log, group, member
        self.bounds, self.clock = bounds, clock
        self.metrics = metrics or Metrics()
        self.threads = reader, flusher
        erased, app = erased or NobodyErased(), app_of(group, log_name)
        self.decoder = Decoder(sites, facts)
        counters = self.metrics.log_replaced.inc, self.metrics.log_lost.inc
        generations = Generations(app, warehouse, *counters, clock)
        self.outbox = Outbox(generations, warehouse, deadletters, erased, self._commit, self.metrics, clock)
        self.updater = ProfileUpdater(
            store, erased, self.metrics, self.outbox.recent, self._without_store, consents
        )
        self.losses = LossCounter(losses, self.metrics.lost_values)
        self.prefetcher: Prefetcher | None = None
        self._unprofiled = UnprofiledEvents()
        self._flush_after = self._pause = 0.0
        self._stop = threading.Event()
        self._looked_at = 0.0

    def run(self, stop: threading.Event | None = None) -> None:
        """Work until ``stop`` is set; then flush what waits, commit, and leave the group."""
        self._stop = stop or self._stop
        with _undisturbed(), ThreadPoolExecutor(1, "log") as one, ThreadPoolExecutor(1, "warehouse") as other:
            self.threads = one, other
            try:
                while not self._stop.is_set():
                    self.step()
                self._trying(self.flush)
            except Stopped:
                logger.info(
                    "%s: stopped while the profile store was away; the log keeps what was not done",
                    self.member,
                )
            finally:
                self._trying(self.close)

    def close(self) -> None:
        """Leave the group. What was not committed is read again by the next owner."""
        self.losses.add(now=True)
        self.outbox.abandon()
        prefetcher, self.prefetcher = self.prefetcher, None
        if prefetcher is not None:
            prefetcher.close()

    def step(self) -> int:
        """Poll once and handle what came; flush when due. How many messages came."""
        portion = self._poll()
        if portion:
            self._handle(portion)
        self._trying(self.outbox.finish_append)
        if self._flush_due():
            self._trying(self._flush_or_start_append)
        self.losses.add()
        self._refresh()
        return len(portion)

    def flush(self) -> None:
        """Steps 4 to 6. Raises WarehouseUnavailable, ProfilesUnavailable and LogUnavailable; nothing is lost then."""
        self.outbox.flush()

    def _poll(self) -> DecodedMessages:
        if self.outbox.held >= self.bounds.most_rows:
            self._stop.wait(self.bounds.poll_seconds)
            return []
        try:
            if self.prefetcher is None:
                consumer = self.log.consumer(self.group, self.member)
                bounds, thread = self.bounds, self.threads[0]
                self.prefetcher = Prefetcher(
                    consumer, self.decoder.read, bounds.batch, bounds.poll_seconds, thread
                )
            portion, taken = self.prefetcher.next()
            self.outbox.assign(taken)
        except LogUnavailable as error:
            self._away("log", error, error.retry_after)
            return []
        except (Unavailable, OSError) as error:
            # What of the new partitions is stored is not known: join anew later and read them again.
            self._away("warehouse", error, getattr(error, "retry_after", 1.0))
            self.close()
            return []
        return self.outbox.unseen(portion)

    def _commit(self, done: Mapping[int, Progress]) -> None:
        if self.prefetcher is not None:
            self.prefetcher.commit(done)

    def _handle(self, portion: DecodedMessages) -> None:
        """Steps 2 and 3."""
        started = time.perf_counter()
        by_site: dict[str, list[tuple[Message, EnrichedEvent]]] = {}
        for message, made in portion:
            if isinstance(made, EnrichedEvent):
                by_site.setdefault(made.event.site, []).append(
                    (message, self.outbox.with_place(message, made))
                )
            elif isinstance(made, Unprofiled):
                with self._rejecting(message):
                    self._keep_unprofiled(message, made)
            elif isinstance(made, Rejected):
                self.outbox.reject(message, made.reason)
            else:
                self.metrics.ignored.inc()
        for site, pairs in by_site.items():
            folded, refused = self.updater.fold(site, self.decoder.settings(site), pairs)
            for message, reason in refused:
                self.outbox.reject(message, reason)
            verdicts: Counter[Verdict | None] = Counter()
            for message, item, result in folded:
                with self._rejecting(message):
                    verdicts[self._keep(message, item, result)] += 1
                    if result.outcome.cut:
                        self.metrics.orders_cut.inc(result.outcome.cut)
            self.metrics.applied.inc(verdicts["applied"])
            self.metrics.replays.inc(verdicts["replayed"])
            self.metrics.duplicates.inc(verdicts["duplicate"])
        self.outbox.done([message for message, _ in portion])
        self.metrics.batch_seconds.observe(time.perf_counter() - started)

    @contextmanager
    def _rejecting(self, message: Message) -> Iterator[None]:
        """What fails within is this message's fault alone."""
        try:
            yield
        except PASSING:
            raise
        except Exception as error:
            logger.exception("cannot store the message at %d/%d", message.partition, message.position)
            self.outbox.reject(message, f"cannot be stored: {error!r}")

    def _keep_unprofiled(self, message: Message, made: Unprofiled) -> None:
        """A row, but no profile."""
        event, facts = made.event, made.facts
        (self.metrics.bots if facts.bot else self.metrics.opted_out).inc()
        if not self._unprofiled.counts(event, message):
            self.metrics.duplicates.inc()
            return
        if facts.losses and not facts.bot:
            self.losses.note(event.site, facts.losses, event.received)
        profile = user_id(event.user) if event.user else visitor_id(event.visitor or "")
        touch = facts.touch or Touch(event.ts)
        self.outbox.keep(
            message, EnrichedEvent(event, facts), profile, Outcome("applied", session_of(event), touch)
        )

    def _keep(self, message: Message, item: EnrichedEvent, result: Result) -> Verdict | None:
        """A row, unless the event came twice. What was found, None where the event can never be applied."""
        outcome = result.outcome
        if result.refused:
            self.outbox.reject(message, result.refused)
            return None
        if outcome.verdict == "applied" and item.facts.losses:
            self.losses.note(item.event.site, item.facts.losses, item.event.received)
        if outcome.verdict != "duplicate":
            if result.renames:
                site = item.event.site
                self.outbox.rename(message, [AliasRow(site, *rename) for rename in result.renames])
            self.outbox.keep(message, item, result.profile, outcome)
        return outcome.verdict

    # Around the steps

    def _flush_due(self) -> bool:
        since, bounds = self.outbox.since, self.bounds
        if self.outbox.busy or since is None or 0 < self._flush_after - self.clock() <= self._pause:
            return False
        return (
            self.outbox.rows >= bounds.flush_rows
            or self.outbox.bytes >= bounds.flush_bytes
            or not 0 <= self.clock() - since < bounds.flush_seconds  # it may be set back
        )

    def _flush_or_start_append(self) -> None:
        flusher = self.threads[1]
        if flusher is None:
            self.flush()
        else:
            self.outbox.start_append(flusher)

    def _trying(self, flush: Callable[[], None]) -> None:
        try:
            flush()
        except (Unavailable, OSError) as error:
            seconds = getattr(error, "retry_after", 1.0)
            logger.warning("%s: cannot flush, trying again in %.1f s: %s", self.member, seconds, error)
            self.metrics.waits.labels("log" if isinstance(error, LogUnavailable) else "warehouse").inc()
            self._flush_after, self._pause = self.clock() + seconds, seconds

    def _without_store(self, error: ProfilesUnavailable) -> None:
        self._away("profiles", error, error.retry_after)
        if self._stop.is_set():
            raise Stopped from error

    def _away(self, what: str, error: Exception, seconds: float) -> None:
        logger.warning("%s: waiting %.1f s for the %s: %s", self.member, seconds, what, error)
        self.metrics.waits.labels(what).inc()
        self._stop.wait(seconds)

    def _refresh(self) -> None:
        """Now and then: edited sites, and how far behind the group is."""
        self.metrics.buffered.set(self.outbox.rows)
        if 0 <= self.clock() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = self.clock()
        self.decoder.sites.refresh()  # they may be edited while workers run
        try:
            self.metrics.lag.set(self.log.lag(self.group))
        except LogUnavailable:
            logger.debug("the log does not tell its lag")


def app_of(group: str, log_name: str) -> str:
    """What positions are counted under: those of one group in one log."""
    return f"{group}@{log_name}" if log_name else group


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the garbage collector's rounds."""
    thresholds = gc.get_threshold()
    # Batches, rows and profiles live for seconds and hold no cycles: looking for some at every 700th
    # object took a third of a worker's time.
    gc.set_threshold(GC_THRESHOLD, *thresholds[1:])
    gc.freeze()  # nor does anybody look through the modules again
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
