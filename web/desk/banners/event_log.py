"""What the event log lost lately: every page says so."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from flask import Flask

from ingest.worker.log_generations import Incident
from warehouse.delta import WarehouseUnavailable

LOOK_SECONDS = 30.0


def register_event_log_banner(app: Flask, incident: Callable[[], Incident | None]) -> None:
    """``log_incident()`` for every page, looked for now and then; None when nothing is wrong."""
    lock = Lock()
    looked, found = float("-inf"), None

    def log_incident() -> Incident | None:
        nonlocal looked, found
        with lock:
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                try:
                    found = incident()
                except WarehouseUnavailable:
                    found = None  # of this the doctor tells
            return found

    @app.context_processor
    def trouble() -> dict[str, Any]:
        return {"log_incident": log_incident}
