"""What every page of the desk says when events were lost: the one place for such notices."""

import time
from threading import Lock
from typing import Any

from flask import Blueprint

from ingest.generations import Incident
from warehouse.delta import WarehouseUnavailable
from web.services import Services

LOOK_SECONDS = 30.0


def alarms_blueprint(services: Services) -> Blueprint:
    blueprint = Blueprint("desk_alarms", __name__)
    lock = Lock()
    looked, found = float("-inf"), None

    def log_incident() -> Incident | None:
        """What happened to the event log in the last days; asked for now and then."""
        nonlocal looked, found
        with lock:
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                try:
                    found = services.log_incident()
                except WarehouseUnavailable:
                    found = None
            return found

    @blueprint.app_context_processor
    def alarms() -> dict[str, Any]:
        return {"log_incident": log_incident}

    return blueprint
