"""Ingest that stands still: every page says so."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from flask import Flask

from tracker.log.port import LogUnavailable
from web.health.ingest_progress import IngestLag

LOOK_SECONDS = 10.0


def register_ingest_banner(app: Flask, lag: Callable[[], IngestLag]) -> None:
    """``ingest_stands()`` for every page, looked for now and then; None when it gets on."""
    lock = Lock()
    looked = float("-inf")
    found: IngestLag | None = None

    def ingest_stands() -> IngestLag | None:
        nonlocal looked, found
        with lock:
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                try:
                    found = behind if (behind := lag()).still else None
                except LogUnavailable:
                    found = None  # of this the doctor tells
            return found

    @app.context_processor
    def trouble() -> dict[str, Any]:
        return {"ingest_stands": ingest_stands}
