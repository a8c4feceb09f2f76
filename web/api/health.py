"""Is it alive, is it ready, what does it count."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Flask, Response, g, request

from tracker.http.request import from_this_machine
from web.http.json_body import answer
from web.http.metrics import Metrics
from web.http.routes import Routes, get
from web.http.site_keys import Keys
from web.stores import Health

logger = logging.getLogger(__name__)

DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class HealthPages:
    """``checks`` reach each store; ``trust_proxy`` is how many proxies stand in front."""

    checks: Mapping[str, Callable[[], object]]
    health: Health
    metrics: Metrics
    keys: Keys
    trust_proxy: int = 0

    def routes(self) -> Routes:
        return (get("/healthz", self.alive), get("/readyz", self.ready), get("/metrics", self.scrape))

    def alive(self) -> Response:
        return answer({"status": "ok"})

    def ready(self) -> Response:
        """Each store with "ok" or what is wrong; 503 when one of them is not reachable. A damaged warehouse is no
        reason to send visitors elsewhere: reports lack something, and the rest works."""
        found = {name: _checked(name, check) for name, check in self.checks.items()}
        if self.health.incomplete():
            found["warehouse"] = DAMAGED
        if "unavailable" in found.values():
            return answer({"status": "unavailable", "checks": found}, 503)
        return answer({"status": "degraded" if DAMAGED in found.values() else "ready", "checks": found})

    def scrape(self) -> Response:
        """For programs on this machine, and with a secret key: it tells how busy a shop is."""
        if not from_this_machine(request.environ, self.trust_proxy):
            self.keys.secret_key()
        figures = self.metrics.text() + self.health.further_metrics()
        return Response(figures, content_type=self.metrics.content_type)


def add_gauges(metrics: Metrics, health: Health, lag: Callable[[], float]) -> None:
    """Figures of ingest and the event log; ``lag`` is the number of events that ingest has not committed yet."""
    metrics.gauge("dangol_ingest_lag_events", "events that ingest has not committed yet", lag)
    metrics.gauge(
        "dangol_ingest_lag_seconds",
        "how long ingest has committed nothing in a partition where events wait",
        lambda: health.ingest_waits().seconds,
    )
    metrics.gauge(
        "dangol_log_replaced_partitions",
        "partitions of the event log that were made anew or went back in the last days",
        lambda: float(found.partitions if (found := health.log_incident()) else 0),
    )
    metrics.gauge(
        "dangol_log_lost_events",
        "events that the event log removed unread in the last days",
        lambda: float(found.lost if (found := health.log_incident()) else 0),
    )


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
