"""What Prometheus reads at /metrics, counted in this process."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class _Gauge(Collector):
    """A gauge that is asked for when it is scraped; left out when it cannot be told."""

    def __init__(self, name: str, what: str, value: Callable[[], float]) -> None:
        self._name, self._what, self._value = name, what, value

    def collect(self) -> Iterator[Metric]:
        try:
            yield GaugeMetricFamily(self._name, self._what, value=self._value())
        except Exception:  # a store that is down must not take the other figures along
            return


class Metrics:
    """One registry per application, so that two of them in one process do not meet."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "dangol_http_requests",
            "requests of the API and the desk",
            ["endpoint", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "dangol_http_seconds",
            "time to answer",
            ["endpoint"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.degraded = Counter(
            "dangol_personalize_degraded",
            "parts that personalize answers did without",
            ["part"],
            registry=self.registry,
        )

    def gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        self.registry.register(_Gauge(name, what, value))

    def text(self) -> bytes:
        return generate_latest(self.registry)
