"""The ingest worker: from the log into profiles at once, into the warehouse in larger portions.

A step, in the order that makes ``kill -9`` harmless between any two of them:

1. Poll messages. Decode and enrich them; what cannot be is a dead letter.
2. Fold them into the profiles and save those, each onto the version that was loaded (``ingest.batch``). What was
   received of somebody before they were erased is dropped (``profiles.erased``), here and again before 4.
3. Keep their rows in memory.

and whenever enough rows wait, or have waited long enough:

4. Make the dead letters durable.
5. Append the rows to the warehouse together with their positions, in one Delta commit. ``run`` leaves this
   to another thread and goes on with 1 to 3; there is one portion under way at most (``ingest.flight``).
6. Commit the positions in the log.

After a crash the log gives everything since 6 again. What 2 had saved is recognised by the positions in the
profile and yields the same rows once more; what 5 had stored is recognised by the positions in the warehouse.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Protocol
from zlib import crc32

import msgspec

from ingest.batch import Batch, Item, Result, Unappliable, ids_of
from ingest.deadletters import DeadLetters
from ingest.flight import Flight, Waiting
from ingest.metrics import Metrics
from ingest.passersby import PassersBy, opted_out, session_of
from ingest.rows import row
from profiles.erased import Erased, NobodyErased
from profiles.facts import Facts
from profiles.fold import Place, Settings
from profiles.identity import user_id, visitor_id
from profiles.model import Touch
from profiles.sessions import rules_of
from profiles.store import ProfileStore, Stored, StoreUnavailable
from tracker.event import Event, EventInvalid, decode
from tracker.log import Consumer, EventLog, LogUnavailable, Message
from tracker.sites import Site, Sites, SitesInvalid
from warehouse.delta import PositionsMoved, RowsInvalid, WarehouseUnavailable
from warehouse.schema import AliasRow, EventRow

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
GC_THRESHOLD = 1_000_000

Enrich = Callable[[Event, Site], Facts]


class Warehouse(Protocol):
    """What of the warehouse a worker needs; ``warehouse.delta.Warehouse`` has it."""

    def positions(self, app: str) -> dict[int, int]: ...

    def append(
        self,
        rows: Sequence[EventRow],
        aliases: Sequence[AliasRow],
        positions: Mapping[tuple[str, int], int],
    ) -> None: ...


class _Stopped(Exception):
    """Told to stop in the middle of a batch: nothing may be committed."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a worker takes at once and how long rows may wait."""

    batch: int = 2_000  # messages of one poll
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
        warehouse: Warehouse,
        sites: Sites,
        facts: Enrich,
        deadletters: DeadLetters,
        erased: Erased | None = None,
        group: str = "ingest",
        member: str = "worker",
        log_name: str = "",
        bounds: Bounds = DEFAULT_BOUNDS,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.time,
        flusher: Executor | None = None,
    ) -> None:
        """``log_name`` names the log for positions: another log counts from the start again.

        ``flusher`` runs the appends, one at a time; without one ``step`` waits for them.
        """
        self.log, self.store, self.warehouse, self.sites = log, store, warehouse, sites
        self.facts, self.deadletters, self.group, self.member = facts, deadletters, group, member
        self.erased = erased or NobodyErased()
        self.bounds, self.clock = bounds, clock
        self.metrics = metrics or Metrics()
        self.app = f"{group}@{log_name}" if log_name else group
        self._salt = (crc32(self.app.encode()) & 0xFFFF) << 16
        self.flusher = flusher
        self._flight: Flight | None = None
        self._passersby = PassersBy()
        self._consumer: Consumer | None = None
        self._waiting: dict[int, Waiting] = {}
        self._stored: dict[int, int] = {}
        self._recent: set[tuple[str, str]] = set()
        self._known: dict[str, dict[str, Stored]] = {}
        self._uncommitted: dict[int, int] = {}
        self._waiting_since: float | None = None
        self._flush_after = 0.0
        self._buffered = self._bytes = 0
        self._settings: dict[str, tuple[Site, Settings]] = {}
        self._stop = threading.Event()
        self._looked_at = 0.0

    def run(self, stop: threading.Event | None = None) -> None:
        """Work until ``stop`` is set; then flush what waits, commit, and leave the group."""
        self._stop = stop or self._stop
        thresholds = gc.get_threshold()
        # Batches, rows and profiles live for seconds and hold no cycles: looking for some at every 700th
        # object took a third of a worker's time.
        gc.set_threshold(GC_THRESHOLD, *thresholds[1:])
        gc.freeze()  # nor does anybody look through the modules again
        own = self.flusher = self.flusher or ThreadPoolExecutor(1, "warehouse")
        try:
            while not self._stop.is_set():
                self.step()
            self._trying(self.flush)
        except _Stopped:
            logger.info(
                "%s: stopped while the profile store was away; the log keeps what was not done", self.member
            )
        finally:
            gc.set_threshold(*thresholds)
            gc.unfreeze()
            self.close()
            own.shutdown()

    def close(self) -> None:
        """Leave the group. What was not committed is read again by the next owner."""
        if self._flight is not None:
            self._flight.abandon()
            self._recent |= self._flight.recent
            self._flight = None
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def step(self) -> int:
        """Poll once and handle what came; flush when due. How many messages came."""
        messages = self._poll()
        if messages:
            self._handle(messages)
        if self._flight is not None and self._flight.done():
            self._trying(self._arrive)
        if self._flush_due():
            self._trying(self.flush if self.flusher is None else self._depart)
        self._look_around()
        return len(messages)

    def flush(self) -> None:
        """Steps 4 to 6. Raises WarehouseUnavailable, StoreUnavailable and LogUnavailable; nothing is lost then."""
        started = time.perf_counter()
        self._settle()
        self._drop_erased()
        while True:
            self._save_letters()
            try:
                self._append()
                break
            except PositionsMoved as moved:
                # Stored by the partition's new owner, or by an append of ours whose answer was lost.
                logger.info("%s: %s; dropping what is stored already", self.member, moved)
                self._learn_stored()
            except RowsInvalid as invalid:
                self._bury(invalid.reasons)
        for partition, waiting in self._waiting.items():
            if waiting.last >= 0:
                self._uncommitted[partition] = waiting.last
            waiting.rows, waiting.renames = [], set()
        self._recent.clear()
        self._buffered = self._bytes = 0
        self._waiting_since = None
        self._commit()
        self.metrics.flush_seconds.observe(time.perf_counter() - started)

    # Step 1

    def _poll(self) -> list[Message]:
        if self._buffered + (self._flight.rows if self._flight else 0) >= self.bounds.most_rows:
            self._stop.wait(self.bounds.poll_seconds)
            return []
        try:
            if self._consumer is None:
                self._consumer = self.log.consumer(self.group, self.member)
            messages = self._consumer.poll(self.bounds.batch, self.bounds.poll_seconds)
            self._follow_ownership(self._consumer.owned())
        except LogUnavailable as error:
            self._away("log", error, error.retry_after)
            return []
        except WarehouseUnavailable as error:
            # What of the new partitions is stored is not known: join anew later and read them again.
            self._away("warehouse", error, error.retry_after)
            self.close()
            self._waiting.clear()
            self._recount()
            return []
        return [message for message in messages if self._is_new(message)]

    def _is_new(self, message: Message) -> bool:
        waiting = self._waiting.get(message.partition)
        # A partition that was lost and won back between two polls is read again from its last commit.
        return waiting is not None and message.position > waiting.last

    def _follow_ownership(self, owned: frozenset[int]) -> None:
        """Forget the rows of partitions that are gone: their next owner makes them again."""
        for partition in self._waiting.keys() - owned:
            del self._waiting[partition]
            self._recount()
        gained = owned - self._waiting.keys()
        if gained:
            self._settle()  # else what we are storing just now would be read again and stored twice
            self._learn_stored()
            for partition in gained:
                self._waiting[partition] = Waiting()

    def _learn_stored(self) -> None:
        """Read which messages the warehouse holds, and drop their rows here."""
        self._stored = self.warehouse.positions(self.app)
        for partition, waiting in self._waiting.items():
            stored = self._stored.get(partition, -1)
            waiting.rows = [entry for entry in waiting.rows if entry[0].position > stored]
        self._recount()

    def _recount(self) -> None:
        self._buffered = sum(len(waiting.rows) for waiting in self._waiting.values())

    def _handle(self, messages: Sequence[Message]) -> None:
        started = time.perf_counter()
        by_site: dict[str, list[tuple[Message, Item]]] = {}
        for message in messages:
            item = self._read(message)
            if item is not None:
                by_site.setdefault(item.event.site, []).append((message, item))
        for site, pairs in by_site.items():
            self._fold(site, pairs)
        for message in messages:
            self._waiting[message.partition].last = message.position
            self._bytes += len(message.value)
        if self._waiting_since is None:
            self._waiting_since = self.clock()
        self.metrics.batch_seconds.observe(time.perf_counter() - started)

    def _read(self, message: Message) -> Item | None:
        """Decode and enrich. None for a dead letter, for a bot (its row is kept) and for what has nothing to fold."""
        try:
            event = decode(message.value)
        except EventInvalid as error:
            self._dead(message, str(error))
            return None
        settings = self._settings_of(event.site)
        if settings is None:
            self._dead(message, f"there is no site {event.site!r}")
            return None
        try:
            facts = self.facts(event, settings[0])
        except Exception as error:  # a fault of ours must not hold up the partition
            logger.exception("cannot enrich the message at %d/%d", message.partition, message.position)
            self._dead(message, f"cannot be enriched: {error!r}")
            return None
        if event.type == "erase":
            self.metrics.ignored.inc()
            return None
        if facts.bot or opted_out(event):
            self._pass_by(message, event, facts)
            return None
        place = Place(event.visitor or event.user or "", self._salt | message.partition, message.position)
        return Item(event, facts, place)

    def _pass_by(self, message: Message, event: Event, facts: Facts) -> None:
        """A row, but no profile."""
        (self.metrics.bots if facts.bot else self.metrics.opted_out).inc()
        if not self._passersby.counts(event, message):
            self.metrics.duplicates.inc()
            return
        profile = user_id(event.user) if event.user else visitor_id(event.visitor or "")
        self._keep_row(message, event, facts, profile, session_of(event), facts.touch or Touch(event.ts))

    def _settings_of(self, site_id: str) -> tuple[Site, Settings] | None:
        site = self.sites.get(site_id)
        if site is None:
            self._reload_sites()
            site = self.sites.get(site_id)
            if site is None:
                return None
        known = self._settings.get(site_id)
        if known is None or known[0] is not site:
            known = self._settings[site_id] = (site, Settings(rules_of(site)))
        return known

    def _dead(self, message: Message, reason: str) -> None:
        self.metrics.dead.inc()
        self._waiting[message.partition].letters.append(self.deadletters.letter(self.app, message, reason))

    # Steps 2 and 3

    def _fold(self, site: str, pairs: list[tuple[Message, Item]]) -> None:
        settings = self._settings[site][1]
        results: list[Result] = []
        known = self._known.setdefault(site, {})
        while pairs:
            batch = Batch(self.store, site, settings, lambda name: self._is_recent(site, name), known)
            try:
                pairs = self._not_erased(site, pairs)
                results = batch.run([item for _, item in pairs])
                self.metrics.conflicts.inc(batch.conflicts)
                break
            except StoreUnavailable as error:
                self._away("profiles", error, error.retry_after)
                if self._stop.is_set():
                    raise _Stopped from error
            except Unappliable as error:
                message, _ = pairs.pop(error.index)
                logger.exception("cannot apply the message at %d/%d", message.partition, message.position)
                self._dead(message, f"cannot be applied: {error}")
        for (message, item), result in zip(pairs, results, strict=True):
            self._keep(message, item, result)
        self.metrics.applied.inc(sum(r.outcome.verdict == "applied" and not r.refused for r in results))

    def _not_erased(self, site: str, pairs: list[tuple[Message, Item]]) -> list[tuple[Message, Item]]:
        """Without what was received of people before they were erased."""
        cutoffs = self.erased.cutoffs(site)
        kept = [
            pair
            for pair in pairs
            if (event := pair[1].event).received > cutoffs.newest
            or not cutoffs.cover(site, ids_of(event), event.received)
        ]
        self.metrics.erased.inc(len(pairs) - len(kept))
        return kept

    def _keep(self, message: Message, item: Item, result: Result) -> None:
        event, (verdict, session, touch, _) = item.event, result.outcome
        if result.refused:
            self._dead(message, result.refused)
            return
        if verdict == "duplicate":
            self.metrics.duplicates.inc()
            return
        if verdict == "replayed":
            self.metrics.replays.inc()
        if result.renames:
            renames = self._waiting[message.partition].renames
            renames.update(AliasRow(event.site, *rename, event.received) for rename in result.renames)
        self._recent.add((event.site, result.profile))
        self._keep_row(message, event, item.facts, result.profile, session, touch)

    def _keep_row(
        self, message: Message, event: Event, facts: Facts, profile: str, session: str, touch: Touch
    ) -> None:
        if message.position > self._stored.get(message.partition, -1):
            made = row(event, facts, profile, session, touch)
            self._waiting[message.partition].rows.append((message, made))
            self._buffered += 1

    def _is_recent(self, site: str, profile: str) -> bool:
        """Whether the warehouse may still lack rows of the profile."""
        key = (site, profile)
        return key in self._recent or (self._flight is not None and key in self._flight.recent)

    # Steps 4 to 6

    def _flush_due(self) -> bool:
        if self._flight is not None or self._waiting_since is None or self.clock() < self._flush_after:
            return False
        return (
            self._buffered >= self.bounds.flush_rows
            or self._bytes >= self.bounds.flush_bytes
            or self.clock() - self._waiting_since >= self.bounds.flush_seconds
        )

    def _trying(self, flush: Callable[[], None]) -> None:
        try:
            flush()
        except (WarehouseUnavailable, StoreUnavailable, LogUnavailable, OSError) as error:
            seconds = getattr(error, "retry_after", 1.0)
            logger.warning("%s: cannot flush, trying again in %.1f s: %s", self.member, seconds, error)
            self.metrics.waits.labels("log" if isinstance(error, LogUnavailable) else "warehouse").inc()
            self._flush_after = self.clock() + seconds

    def _depart(self) -> None:
        """Step 4, and 5 in the flusher's thread. Raises as ``flush`` does."""
        assert self.flusher is not None
        self._drop_erased()
        self._save_letters()
        flight = Flight(self.app, self._waiting, self._recent, self._waiting_since)
        self._recent, self._waiting_since = set(), None
        self._buffered = self._bytes = 0
        flight.start(self.flusher, self.warehouse.append)
        self._flight = flight

    def _arrive(self) -> None:
        """Step 6 once the portion is stored; else it waits again. Raises as ``flush`` does."""
        flight = self._flight
        if flight is None:
            return
        try:
            flight.wait()
        except (PositionsMoved, RowsInvalid):
            self._return(flight)
            self.flush()  # knows what to drop
            return
        except (WarehouseUnavailable, OSError):
            self._return(flight)
            raise
        self._flight = None
        committed, stored = flight.landed(self._waiting)
        self._stored |= stored
        self._uncommitted |= committed
        self._commit()
        self.metrics.flush_seconds.observe(time.perf_counter() - flight.started)

    def _settle(self) -> None:
        """Wait for the portion under way; if it cannot be stored it waits again. Raises LogUnavailable."""
        flight = self._flight
        if flight is None:
            return
        try:
            flight.wait()
        except (PositionsMoved, RowsInvalid, WarehouseUnavailable, OSError) as error:
            logger.info("%s: a portion was not stored and waits again: %s", self.member, error)
            self._return(flight)
        else:
            self._arrive()

    def _return(self, flight: Flight) -> None:
        self._flight = None
        flight.put_back()
        self._recent |= flight.recent
        self._waiting_since = flight.since
        self._recount()

    def _commit(self) -> None:
        if self._uncommitted and self._consumer is not None:
            self._consumer.commit(self._uncommitted)
        self._uncommitted = {}

    def _save_letters(self) -> None:
        letters = [letter for waiting in self._waiting.values() for letter in waiting.letters]
        if letters:
            self.deadletters.add(letters)
            for waiting in self._waiting.values():
                waiting.letters = []

    def _append(self) -> None:
        rows: list[EventRow] = []
        aliases: set[AliasRow] = set()
        positions: dict[tuple[str, int], int] = {}
        for partition, waiting in self._waiting.items():
            rows += [made for _, made in waiting.rows]
            aliases |= waiting.renames
            if waiting.rows:
                positions[self.app, partition] = waiting.last
        if rows or aliases:
            self.warehouse.append(rows, sorted(aliases, key=lambda alias: alias.ts), positions)
        for (_, partition), position in positions.items():
            self._stored[partition] = position

    def _drop_erased(self) -> None:
        """Their rows may have been made before their people were erased."""
        cutoffs = {site: self.erased.cutoffs(site) for site in self._settings}

        def gone(row: EventRow) -> bool:
            if row.received > cutoffs[row.site].newest:
                return False
            ids = [row.profile, *([visitor_id(row.visitor)] if row.visitor else [])]
            return cutoffs[row.site].cover(row.site, ids, row.received)

        for waiting in self._waiting.values():
            waiting.rows = [entry for entry in waiting.rows if not gone(entry[1])]
            waiting.renames = {
                alias
                for alias in waiting.renames
                if not cutoffs[alias.site].cover(alias.site, (alias.old, alias.new), alias.ts)
            }
        self._recount()

    def _bury(self, reasons: Mapping[int, str]) -> None:
        """Rows that no column can hold: their messages become dead letters."""
        index = 0
        for waiting in self._waiting.values():
            kept = []
            for message, made in waiting.rows:
                if index in reasons:
                    self._dead(message, f"cannot be stored: {reasons[index]}")
                else:
                    kept.append((message, made))
                index += 1
            waiting.rows = kept
        self._recount()

    # Around the steps

    def _away(self, what: str, error: Exception, seconds: float) -> None:
        logger.warning("%s: waiting %.1f s for the %s: %s", self.member, seconds, what, error)
        self.metrics.waits.labels(what).inc()
        self._stop.wait(seconds)

    def _look_around(self) -> None:
        """Now and then: edited sites, and how far behind the group is."""
        self.metrics.buffered.set(self._buffered)
        if self.clock() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = self.clock()
        self._reload_sites()
        try:
            self.metrics.lag.set(self.log.lag(self.group))
        except LogUnavailable:
            logger.debug("the log does not tell its lag")

    def _reload_sites(self) -> None:
        try:
            self.sites.reload_if_changed()
        except SitesInvalid as error:
            logger.warning("keeping the sites as they were: %s", error)
