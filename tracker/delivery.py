"""Delivery: records are durable in the log, or on this machine's disk until the log takes them."""

import logging
import threading
from collections.abc import Sequence
from typing import Literal

from tracker.committer import Committer, Late
from tracker.log import EventLog, LogUnavailable, Record, RecordTooLarge
from tracker.metrics import Metrics
from tracker.spool import Spool

PATIENCE = 1.0
"""Seconds that a program's request waits for the log before its events go to the disk instead."""
BROWSER_PATIENCE = 0.03
"""The same for a visitor's browser, which must have its answer within 50 ms."""
STALLED = 0.25
"""An append that has taken this long: the log hangs. Requests then do not wait for it at all."""
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 10.0

State = Literal["direct", "spooling"]
_logger = logging.getLogger(__name__)


class Delivery:
    """Goes to the log directly while that works; otherwise to the spool, which one thread drains in order.

    ``spools``: older ones to drain first, the last to write to; empty for none.
    An event that was late may reach the log twice: with the same id, which ingest counts once.
    """

    def __init__(self, log: EventLog, spools: Sequence[Spool] = (), metrics: Metrics | None = None) -> None:
        self._log, self._spools = log, list(spools)
        self._metrics = metrics or Metrics()
        self._metrics.log_up.set_function(lambda: self.state == "direct")
        self._metrics.spool_bytes.set_function(self.waiting)
        self._direct = Committer(self._append)
        self._spooler = Committer(self._spools[-1].write, "spooler") if self._spools else None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self.state: State = "direct"
        self._drainer = threading.Thread(target=self._drain, name="drainer", daemon=True)
        if self._spools:
            self._divert("events from an earlier run") if self._left() else None
            self._drainer.start()

    async def submit(self, records: Sequence[Record], browser: bool = False) -> None:
        """Return when ``records`` are durable. Raises LogUnavailable when they can be so nowhere."""
        if self._spooler is None:
            await self._submit_unspooled(records)
            return
        if self.state == "direct":
            try:
                await self._direct.submit(records, BROWSER_PATIENCE if browser else PATIENCE)
                return
            except LogUnavailable as error:
                self._divert(str(error))
            except Late:
                if self._direct.busy() > STALLED:
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

    def waiting(self) -> int:
        """Bytes in the spool."""
        return sum(spool.size for spool in self._spools)

    def close(self) -> None:
        """Every request that was accepted becomes durable; what is spooled stays for the next start."""
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
        except Late:
            raise LogUnavailable("the log does not answer", retry_after=2.0) from None

    def _divert(self, why: str) -> None:
        if self.state == "direct":
            self.state = "spooling"
            _logger.warning("events go to the spool: %s", why)
        self._wake.set()

    def _drain(self) -> None:
        """Bring the spool to the log, oldest first; then let requests go there directly again."""
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                while self._left() and not self._closing.is_set():
                    self._move()
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

    def _left(self) -> bool:
        return any(not spool.empty for spool in self._spools)

    def _move(self) -> None:
        spool = next(spool for spool in self._spools if not spool.empty)
        if records := spool.read():
            try:
                self._log.append(records)
            except RecordTooLarge:
                self._move_singly(records, spool)
            spool.drop()

    def _move_singly(self, records: Sequence[Record], spool: Spool) -> None:
        """What the log will never take must not stand in the way of the rest."""
        for record in records:
            try:
                self._log.append([record])
            except RecordTooLarge as error:
                _logger.error("the log refuses an event, kept as %s: %s", spool.keep(record), error)

    def _resume(self) -> None:
        """Straight to the log again. What a request still puts into the spool meanwhile wakes the drainer."""
        self.state = "direct"
        _logger.warning("the log takes events again")
        if self._left():
            self._wake.set()
