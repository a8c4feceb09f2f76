"""Is it alive, is it ready, what does it count."""

import logging
import time
from collections.abc import Callable

from flask import Blueprint, Flask, Response, g, request

from tracker.http.request import from_this_machine
from web.http.json_body import answer
from web.http.metrics import Metrics
from web.http.site_keys import Keys
from web.stores import Stores

logger = logging.getLogger(__name__)

DAMAGED = "damaged"


def health_blueprint(stores: Stores, keys: Keys, metrics: Metrics) -> Blueprint:
    blueprint = Blueprint("health", __name__)
    checks: dict[str, Callable[[], object]] = {
        "log": stores.log.ping,
        "profiles": lambda: stores.visitors.profiles.find("", "readyz"),
        "warehouse": stores.reports.warehouse.ping,
    }

    @blueprint.get("/healthz")
    def alive() -> Response:
        return answer({"status": "ok"})

    @blueprint.get("/readyz")
    def ready() -> Response:
        """Each store with "ok" or what is wrong; 503 when one of them is not reachable. A damaged warehouse is no
        reason to send visitors elsewhere: reports lack something, and the rest works."""
        found = {name: _checked(name, check) for name, check in checks.items()}
        if stores.health.incomplete():
            found["warehouse"] = DAMAGED
        if "unavailable" in found.values():
            return answer({"status": "unavailable", "checks": found}, 503)
        return answer({"status": "degraded" if DAMAGED in found.values() else "ready", "checks": found})

    @blueprint.get("/metrics")
    def scrape() -> Response:
        """For programs on this machine, and with a secret key: it tells how busy a shop is."""
        if not from_this_machine(request.environ, stores.settings.trust_proxy):
            keys.secret_key()
        return Response(metrics.text() + stores.health.further_metrics(), content_type=metrics.content_type)

    metrics.gauge(
        "dangol_ingest_lag_events",
        "events that ingest has not committed yet",
        lambda: float(stores.log.lag(stores.health.ingest_group)),
    )
    metrics.gauge(
        "dangol_ingest_lag_seconds",
        "how long ingest has committed nothing in a partition where events wait",
        lambda: stores.health.ingest_waits().seconds,
    )
    metrics.gauge(
        "dangol_log_replaced_partitions",
        "partitions of the event log that were made anew or went back in the last days",
        lambda: float(found.partitions if (found := stores.health.log_incident()) else 0),
    )
    metrics.gauge(
        "dangol_log_lost_events",
        "events that the event log removed unread in the last days",
        lambda: float(found.lost if (found := stores.health.log_incident()) else 0),
    )
    return blueprint


def _checked(name: str, check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as error:
        logger.warning("not ready: %s: %s", name, error)
        return "unavailable"
    return "ok"


def register_metrics(app: Flask, metrics: Metrics) -> None:
    """Count and time every request, by endpoint: never by address, which a client could make endless."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        metrics.requests.labels(endpoint, response.status_code).inc()
        metrics.seconds.labels(endpoint).observe(time.perf_counter() - g.get("started", time.perf_counter()))
        return response
