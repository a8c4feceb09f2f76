"""Steps 3 to 6 of a worker: rows are buffered and appended to the warehouse, then their positions are committed."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

from ingest.dead_letters import DeadLetters
from ingest.event_rows import row
from ingest.folding.events import EnrichedEvent
from ingest.folding.isolation import PASSING, isolated
from ingest.metrics import Metrics
from ingest.worker.append import PartitionBuffer, PendingAppend
from ingest.worker.decoding import DecodedMessages
from ingest.worker.log_generations import Generations, WarehouseWriter
from ingest.worker.prefetch import Progress
from profiles.erasures import Erased
from profiles.fold.fold import LogPosition, Outcome
from profiles.ids import visitor_id
from tracker.event import REFUSED
from tracker.log.port import Extent, Message
from warehouse.delta import PositionsMoved, RowsInvalid, WarehouseUnavailable
from warehouse.tables.schema import AliasRow, EventRow

logger = logging.getLogger(__name__)

_Entry = tuple[int, Message, EventRow]


class Outbox:
    """The buffered rows, by partition of the log, and one append that may be running.

    ``commit`` is told the positions whose rows and dead letters are durable. Methods that store raise
    WarehouseUnavailable, ProfilesUnavailable, LogUnavailable and OSError; nothing is lost then.
    """

    def __init__(
        self,
        generations: Generations,
        warehouse: WarehouseWriter,
        deadletters: DeadLetters,
        erased: Erased,
        commit: Callable[[Mapping[int, Progress]], None],
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self.generations, self.warehouse, self.deadletters, self.erased = (
            generations,
            warehouse,
            deadletters,
            erased,
        )
        self.commit, self.metrics, self.clock = commit, metrics, clock
        self.since: float | None = None
        """When the first of what waits came, by the clock."""
        self.bytes = 0
        self.rows = 0
        self._waiting: dict[int, PartitionBuffer] = {}
        self._pending: PendingAppend | None = None
        self._stored: dict[int, int] = {}
        self._recent: set[tuple[str, str]] = set()
        self._uncommitted: dict[int, Progress] = {}

    # Step 3: what came is kept

    def assign(self, taken: Mapping[int, Extent]) -> None:
        """Take over these partitions. The rows of partitions that are gone, or were taken over again, are stored first:
        the log may not have them any more. Read what is stored of the new ones. Raises as methods that store do."""
        kept = {at for at, waiting in self._waiting.items() if taken.get(at) is waiting.extent}
        if self._waiting.keys() - kept:
            self.flush()
            for partition in self._waiting.keys() - kept:
                del self._waiting[partition]
        gained = {at: extent for at, extent in taken.items() if at not in kept}
        if gained:
            self.wait_for_append()  # otherwise rows of the running append would be read again and stored twice
            counts = self.generations.of(gained)
            for partition, extent in gained.items():
                self._waiting[partition] = PartitionBuffer(extent, counts[partition])
            self._learn_stored()

    def unseen(self, portion: DecodedMessages) -> DecodedMessages:
        """What of a portion is ours and was not seen: a partition that was lost and won back between two polls is
        read again from its last commit."""
        last = {partition: waiting.last for partition, waiting in self._waiting.items()}
        unseen = []
        for pair in portion:
            message = pair[0]
            partition = message.partition
            if partition in last and message.position > last[partition]:
                last[partition] = message.position
                unseen.append(pair)
        return unseen

    def with_place(self, message: Message, item: EnrichedEvent) -> EnrichedEvent:
        """The item and where it stands in the log."""
        event, waiting = item.event, self._waiting[message.partition]
        place = LogPosition(
            event.visitor or event.user or "", waiting.salt | message.partition, message.position
        )
        return EnrichedEvent(event, item.facts, place)

    def stored(self, message: Message) -> bool:
        """Whether the warehouse holds what this message says."""
        return message.position <= self._stored.get(message.partition, -1)

    def keep(self, message: Message, item: EnrichedEvent, profile: str, outcome: Outcome) -> None:
        """The row of an item counted in ``profile``, unless the warehouse holds it."""
        if not self.stored(message):
            self._waiting[message.partition].rows.append((message, row(item, profile, outcome)))
            self.rows += 1
            self._recent.add((item.event.site, profile))

    def rename(self, message: Message, aliases: Sequence[AliasRow]) -> None:
        self._waiting[message.partition].renames.update(aliases)

    def reject(self, message: Message, reason: str) -> None:
        """The message becomes a dead letter."""
        (self.metrics.refused if message.value.startswith(REFUSED) else self.metrics.dead).inc()
        waiting = self._waiting[message.partition]
        waiting.letters.append(self.deadletters.letter(waiting.count.app, message, reason))

    def done(self, messages: Sequence[Message]) -> None:
        """These messages, in the log's order, are handled: their rows are buffered."""
        for partition, position in {one.partition: one.position for one in messages}.items():
            self._waiting[partition].last = position
        self.bytes += sum([len(one.value) for one in messages])
        if messages and self.since is None:
            self.since = self.clock()

    def recent(self, site: str, profile: str) -> bool:
        """Whether the warehouse may still lack rows of the profile."""
        key = (site, profile)
        return key in self._recent or (self._pending is not None and key in self._pending.recent)

    @property
    def busy(self) -> bool:
        """Whether an append is running."""
        return self._pending is not None

    @property
    def held(self) -> int:
        """Rows in memory: buffered, or in the running append."""
        return self.rows + (self._pending.rows if self._pending else 0)

    # Steps 4 to 6, here and now

    def flush(self) -> None:
        """Store everything and commit."""
        started = time.perf_counter()
        self.wait_for_append()
        self._drop_erased()
        append = self._append
        while True:
            self._save_letters()
            try:
                append()
                break
            except PositionsMoved as moved:
                # Stored by the partition's new owner, or by an append of ours whose answer was lost.
                logger.info("%s: %s; dropping what is stored already", "worker", moved)
                self._learn_stored()
            except RowsInvalid as invalid:
                self._reject_rows(invalid.reasons)
            except PASSING:
                raise
            except Exception:
                if append == self._append_apart:
                    raise
                logger.exception("an append broke; looking for what broke it")
                append = self._append_apart
        for partition, waiting in self._waiting.items():
            if waiting.last >= 0:
                self._uncommitted[partition] = Progress(waiting.extent, waiting.last)
            waiting.rows, waiting.renames = [], set()
        self._recent.clear()
        self.rows = self.bytes = 0
        self.since = None
        self._commit()
        self.metrics.flush_seconds.observe(time.perf_counter() - started)

    # The same while the worker goes on: 5 in another thread

    def start_append(self, executor: Executor) -> None:
        """Step 4, and 5 begun."""
        self._drop_erased()
        self._save_letters()
        pending = PendingAppend(self._waiting, self._recent, self.since)
        self._recent, self.since = set(), None
        self.rows = self.bytes = 0
        pending.start(executor, self.warehouse.append)
        self._pending = pending

    def finish_append(self) -> None:
        """Step 6, once the append has ended well; else its rows are buffered again."""
        if self._pending is not None and self._pending.done():
            self._finish(self._pending)

    def wait_for_append(self) -> None:
        """Wait for the running append. If it failed, its rows are buffered again. Raises LogUnavailable."""
        pending = self._pending
        if pending is None:
            return
        try:
            pending.wait()
        except MemoryError:
            raise
        except Exception as error:  # the flush to come finds out whose fault that is
            logger.info("%s: a portion was not stored and waits again: %s", "worker", error)
            self._requeue(pending)
        else:
            self._finish(pending)

    def abandon(self) -> None:
        """Wait until the running append has ended. The next owner finds out whether it was stored."""
        if self._pending is not None:
            self._pending.abandon()
            self._recent |= self._pending.recent
            self._pending = None

    def _finish(self, pending: PendingAppend) -> None:
        try:
            pending.wait()
        except (WarehouseUnavailable, OSError, MemoryError):
            self._requeue(pending)
            raise
        except Exception:
            self._requeue(pending)
            self.flush()  # knows what to drop
            return
        self._pending = None
        committed, stored = pending.finished(self._waiting)
        self._stored |= stored
        self._uncommitted |= committed
        self._commit()
        self.metrics.flush_seconds.observe(time.perf_counter() - pending.started)

    def _requeue(self, pending: PendingAppend) -> None:
        self._pending = None
        pending.put_back()
        self._recent |= pending.recent
        self.since = pending.since
        self._recount()

    # What the steps are made of

    def _drop_erased(self) -> None:
        """Drop rows of people who were erased after the rows were made."""
        sites = {site for site, _ in self._recent}
        sites |= {alias.site for waiting in self._waiting.values() for alias in waiting.renames}
        cutoffs = {site: self.erased.cutoffs(site) for site in sites}
        if not any(marks.newest >= 0 for marks in cutoffs.values()):
            return

        def gone(made: EventRow) -> bool:
            if made.received > cutoffs[made.site].newest:
                return False
            ids = [made.profile, *([visitor_id(made.visitor)] if made.visitor else [])]
            return cutoffs[made.site].cover(made.site, ids, made.received)

        for waiting in self._waiting.values():
            waiting.rows = [entry for entry in waiting.rows if not gone(entry[1])]
            waiting.renames = {
                alias
                for alias in waiting.renames
                if not cutoffs[alias.site].cover(alias.site, (alias.old, alias.new), alias.ts)
            }
        self._recount()

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
                positions[waiting.count.app, partition] = waiting.last
        if rows or aliases:
            self.warehouse.append(rows, sorted(aliases, key=lambda alias: alias.ts), positions)
        for (_, partition), position in positions.items():
            self._stored[partition] = position

    def _append_apart(self) -> None:
        """Store in portions what cannot be stored at once: what breaks the append by itself becomes a dead letter,
        which is on disk before any later position is."""

        def named(aliases: Sequence[AliasRow]) -> Sequence[AliasRow]:
            self.warehouse.append((), aliases, {})
            return aliases

        def lost(alias: AliasRow, error: Exception) -> None:
            logger.error("cannot store that %s is %s now", alias.old, alias.new, exc_info=error)

        def stored(entries: Sequence[_Entry]) -> Sequence[_Entry]:
            positions = {partition: message.position for partition, message, _ in entries}
            apps = {(self._waiting[at].count.app, at): position for at, position in positions.items()}
            self.warehouse.append([made for *_, made in entries], (), apps)
            self._stored |= positions
            return entries

        def set_aside(entry: _Entry, error: Exception) -> None:
            partition, message, made = entry
            logger.error("cannot store the message at %d/%d", partition, message.position, exc_info=error)
            self.reject(message, f"cannot be stored: {error!r}")
            self._waiting[partition].rows.remove((message, made))
            self._save_letters()

        aliases = {alias for waiting in self._waiting.values() for alias in waiting.renames}
        isolated(named, sorted(aliases, key=lambda alias: alias.ts), lost)
        for waiting in self._waiting.values():
            waiting.renames = set()
        entries = [(at, *entry) for at, waiting in self._waiting.items() for entry in waiting.rows]
        try:
            isolated(stored, entries, set_aside)
        finally:
            for waiting in self._waiting.values():
                waiting.rows = [entry for entry in waiting.rows if not self.stored(entry[0])]
            self._recount()

    def _learn_stored(self) -> None:
        """Read which messages the warehouse holds, and drop their rows here."""
        found = {
            app: self.warehouse.positions(app)
            for app in {waiting.count.app for waiting in self._waiting.values()}
        }
        self._stored = {
            at: position
            for at, waiting in self._waiting.items()
            if (position := found[waiting.count.app].get(at)) is not None
        }
        for waiting in self._waiting.values():
            waiting.rows = [entry for entry in waiting.rows if not self.stored(entry[0])]
        self._recount()

    def _reject_rows(self, reasons: Mapping[int, str]) -> None:
        """Rows that no column can hold: their messages become dead letters."""
        index = 0
        for waiting in self._waiting.values():
            kept = []
            for message, made in waiting.rows:
                if index in reasons:
                    self.reject(message, f"cannot be stored: {reasons[index]}")
                else:
                    kept.append((message, made))
                index += 1
            waiting.rows = kept
        self._recount()

    def _commit(self) -> None:
        if self._uncommitted:
            self.commit(self._uncommitted)
        self._uncommitted = {}

    def _recount(self) -> None:
        self.rows = sum(len(waiting.rows) for waiting in self._waiting.values())
