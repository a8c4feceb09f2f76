"""Ingest of everything that is in an installation's log."""

import threading
import time

import msgspec

from dangol import compose
from dangol.settings import Settings
from tracker.log.port import EventLog

PATIENCE = 60.0


def count_whole_log(
    settings: Settings, log: EventLog, member: str = "", flush_seconds: float | None = None
) -> None:
    """Run a worker until it has committed everything that is in ``log``."""
    worker, stop = compose.worker(settings, member), threading.Event()
    if flush_seconds is not None:
        worker.bounds = msgspec.structs.replace(worker.bounds, flush_seconds=flush_seconds)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while log.lag(compose.INGEST_GROUP) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert log.lag(compose.INGEST_GROUP) == 0, "not counted in time"
