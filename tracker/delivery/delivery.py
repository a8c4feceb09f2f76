"""Delivery: makes records durable in the log, or on this machine's disk until the log takes them."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

from tracker.delivery.group_commit import Committer, CommitTimeout
from tracker.delivery.spool import Spool, adopt
from tracker.log.port import EventLog, LogUnavailable, Record, RecordTooLarge
from tracker.metrics import Metrics

SERVER_WAIT_SECONDS = 1.0
"""Seconds that a server's request waits for the log. After that its events go to the spool."""
BROWSER_WAIT_SECONDS = 0.03
"""The same for a visitor's browser, which must be answered within 50 ms."""
STALLED_SECONDS = 0.25
"""When an append has taken this long, the log is taken for hung, and requests no longer wait for it."""
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 10.0
ADOPT_SECONDS = 5.0
"""How often a process looks for what dead processes, not started again, left on this disk."""
DRAIN_BATCH = 2_000
"""Records that go from the spool to the log in one append, at most."""

State = Literal["direct", "spooling"]
_logger = logging.getLogger(__name__)


class Delivery:
    """Appends to the log while that works, otherwise to the spool, which one thread drains in order.

    ``spools``: older ones to drain first, the last to write to; empty for none. ``refused`` keeps a record that the log
    will never take, with the reason, durably, and may raise OSError; without it the spool keeps it in ``refused.bad``.
    An event whose append was slow may reach the log twice, with the same id: ingest counts it once.
    """

    def __init__(
        self,
        log: EventLog,
        spools: Sequence[Spool] = (),
        metrics: Metrics | None = None,
        refused: Callable[[Record, str], object] | None = None,
    ) -> None:
        self._log, self._spools = log, list(spools)
        self._metrics, self._refused = metrics or Metrics(), refused
        self._metrics.log_up.set_function(lambda: self.state == "direct")
        self._direct = Committer(self._append)
        self._spooler = Committer(self._spools[-1].write, "spooler") if self._spools else None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._batch_size = DRAIN_BATCH
        self.state: State = "direct"
        self._drainer = threading.Thread(target=self._drain, name="drainer", daemon=True)
        if self._spools:
            self._divert("events from an earlier run") if self._backlogged() else None
            self._drainer.start()

    async def submit(self, records: Sequence[Record], browser: bool = False) -> None:
        """Return when ``records`` are durable. Raises LogUnavailable when they can be so nowhere."""
        if self._spooler is None:
            await self._submit_unspooled(records)
            return
        if self.state == "direct":
            try:
                await self._direct.submit(records, BROWSER_WAIT_SECONDS if browser else SERVER_WAIT_SECONDS)
                return
            except LogUnavailable as error:
                self._divert(str(error))
            except CommitTimeout:
                if self._direct.busy() > STALLED_SECONDS:
                    self._divert("an append hangs")
        await self._spooler.submit(records)
        self._metrics.spooled.inc(len(records))
        self._wake.set()

    def ready(self) -> bool:
        """Whether events can be made durable somewhere now."""
        if self.state == "spooling":
            return not self._spools[-1].full()
        try:
            self._log.ping()
        except LogUnavailable:
            return bool(self._spools) and not self._spools[-1].full()
        return True

    def close(self) -> None:
        """Make every accepted request durable, then stop. Spooled events stay for the next start."""
        self._closing.set()
        self._wake.set()
        self._direct.close(CLOSE_SECONDS)
        if self._spooler:
            self._spooler.close(CLOSE_SECONDS)
            self._drainer.join(CLOSE_SECONDS)
            if not self._drainer.is_alive():
                for spool in self._spools:
                    spool.close()

    def _append(self, records: Sequence[Record]) -> None:
        with self._metrics.append_seconds.time():
            self._log.append(records)

    async def _submit_unspooled(self, records: Sequence[Record]) -> None:
        try:
            await self._direct.submit(records, CLOSE_SECONDS)
        except CommitTimeout:
            raise LogUnavailable("the log does not answer", retry_after=2.0) from None

    def _divert(self, why: str) -> None:
        if self.state == "direct":
            self.state = "spooling"
            _logger.warning("events go to the spool: %s", why)
        self._wake.set()

    def _drain(self) -> None:
        """Move the spool to the log, oldest record first; then let requests append directly again."""
        adopting = time.monotonic() + ADOPT_SECONDS
        while not self._closing.is_set():
            self._wake.wait(ADOPT_SECONDS)
            self._wake.clear()
            try:
                if time.monotonic() >= adopting:
                    adopting = time.monotonic() + ADOPT_SECONDS
                    self._adopt()
                while self._backlogged() and not self._closing.is_set():
                    self._drain_batch(next(spool for spool in self._spools if not spool.empty))
                if self.state == "spooling" and not self._closing.is_set():
                    self._log.ping()
                    self._resume()
            except LogUnavailable as error:
                self._wake.set()
                self._closing.wait(min(error.retry_after, RETRY_SECONDS))
            except Exception:
                _logger.exception("the spool could not be drained")
                self._wake.set()
                self._closing.wait(RETRY_SECONDS)

    def _backlogged(self) -> bool:
        return any(not spool.empty for spool in self._spools)

    def _adopt(self) -> None:
        """Take over the spools of dead processes, and close those that have been drained."""
        *others, own = self._spools
        for spool in [other for other in others if other.empty]:
            self._spools.remove(spool)
            spool.close()
        try:
            orphaned = adopt(own.folder.parent, own.limit)
        except OSError:
            _logger.exception("whether dead processes left events cannot be told")
            return
        for spool in orphaned:
            _logger.warning("%s was left by a dead process: its events go to the log now", spool.folder)
            self._spools.insert(0, spool)

    def _drain_batch(self, spool: Spool) -> None:
        """Move one batch to the log. A record that the log will never take must not block the rest: the batch is halved
        until the record is alone, so that nothing is appended twice."""
        records = spool.read(self._batch_size)
        if not records:
            return
        try:
            self._log.append(records)
        except RecordTooLarge as error:
            if len(records) > 1:
                self._batch_size = len(records) // 2
                return
            self._put_aside(records[0], str(error), spool)
        self._batch_size = min(self._batch_size * 2, DRAIN_BATCH)
        spool.drop()

    def _put_aside(self, record: Record, reason: str, spool: Spool) -> None:
        _logger.error("the log refuses an event, which is put aside: %s", reason)
        if self._refused:
            self._refused(record, reason)
        else:
            spool.keep(record)

    def _resume(self) -> None:
        """Append directly again. A request that still writes to the spool meanwhile wakes the drainer."""
        self.state = "direct"
        _logger.warning("the log takes events again")
        if self._backlogged():
            self._wake.set()
