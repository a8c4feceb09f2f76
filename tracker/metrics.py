"""What an operator sees of collection, for Prometheus. No personal data in any label."""

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tracker.event import Source

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Metrics(Collector):
    """One registry for each Tracker, so that two of them in one process do not meet."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.accepted: dict[Source, int] = dict.fromkeys(get_args(Source), 0)
        """Durable events, by who sent them. Plain numbers, counted on the event loop: every request passes here."""
        registry.register(self)
        self.refused = Counter(
            "dangol_tracker_refused", "refused requests, by the answer's code", ["code"], registry=registry
        )
        self.cookieless = Counter(
            "dangol_tracker_events_cookieless", "events of visitors who opted out", registry=registry
        )
        self.spooled = Counter("dangol_tracker_events_spooled", "events put on disk first", registry=registry)
        self.spool_bytes = Gauge(
            "dangol_tracker_spool_bytes", "bytes on disk that wait for the log", registry=registry
        )
        self.log_up = Gauge(
            "dangol_tracker_log_up", "1: events go to the log, 0: to the spool", registry=registry
        )
        self.append_seconds = Histogram(
            "dangol_tracker_append_seconds", "time of one group commit", buckets=SECONDS, registry=registry
        )

    def collect(self) -> Iterable[Metric]:
        counter = CounterMetricFamily(
            "dangol_tracker_events_accepted", "durable events, by who sent them", labels=["source"]
        )
        for source, count in self.accepted.items():
            counter.add_metric([source], count)
        yield counter

    def text(self) -> bytes:
        return generate_latest(self.registry)
