"""Metrics of collection for Prometheus. No label has personal data."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tracker import values
from tracker.event import Source

logger = logging.getLogger(__name__)

WARNING_SECONDS = 3600.0
"""A site's placeholder ids are logged no more often than this."""
APPEND_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


STUCK_SECONDS = 60.0
"""An event that has waited for so long is stuck: the log is down, or no process drains the spool."""


class Spooled(NamedTuple):
    """``oldest``: when the first of the events that wait was received, seconds since the epoch; None: nothing waits.

    ``abandoned``: spools with events that no process holds. ``unreadable``: bytes that were put aside since the disk
    did not give them back as they were written; ``refused``: bytes of records that the log never takes.
    """

    events: int = 0
    bytes: int = 0
    oldest: float | None = None
    abandoned: int = 0
    unreadable: int = 0
    refused: int = 0

    def stuck(self, now: float) -> bool:
        """Whether events are not drained. A time far in the future, by a clock that was wrong, counts as stuck."""
        return self.oldest is not None and abs(now - self.oldest) > STUCK_SECONDS


class Metrics(Collector):
    """The metrics of one Tracker, in a registry of its own: two trackers in one process do not clash."""

    def __init__(
        self, spooled: Callable[[], Spooled] = Spooled, clock: Callable[[], float] = time.time
    ) -> None:
        self._spooled, self._clock = spooled, clock
        self._warned: dict[str, float] = {}
        registry = self.registry = CollectorRegistry()
        self.accepted: dict[Source, int] = dict.fromkeys(get_args(Source), 0)
        """Durable events by source. Plain numbers, counted on the event loop, since every request is counted."""
        registry.register(self)
        self.refused = Counter(
            "dangol_tracker_refused", "refused requests, by the answer's code", ["code"], registry=registry
        )
        self.cookieless = Counter(
            "dangol_tracker_events_cookieless", "events of visitors who opted out", registry=registry
        )
        self.placeholders = Counter(
            "dangol_tracker_placeholder_ids",
            "events whose visitor or user id was a placeholder, as undefined or guest: a mistake of the site's",
            ["site"],
            registry=registry,
        )
        self.webhooks = Counter(
            "dangol_tracker_webhooks",
            "webhooks of hosted shops, by whether their topic tells of orders",
            ["shop", "outcome"],
            registry=registry,
        )
        self.dropped = Counter(
            "dangol_browser_dropped", "events that browsers say they gave up", registry=registry
        )
        self.spooled = Counter("dangol_tracker_events_spooled", "events put on disk first", registry=registry)
        self.log_up = Gauge(
            "dangol_tracker_log_up", "1: events go to the log, 0: to the spool", registry=registry
        )
        self.append_seconds = Histogram(
            "dangol_tracker_append_seconds",
            "time of one group commit",
            buckets=APPEND_BUCKETS,
            registry=registry,
        )

    def collect(self) -> Iterable[Metric]:
        counter = CounterMetricFamily(
            "dangol_tracker_events_accepted", "durable events, by who sent them", labels=["source"]
        )
        for source, count in self.accepted.items():
            counter.add_metric([source], count)
        yield counter
        changed = CounterMetricFamily(
            "dangol_values_changed",
            "values that no store can hold, kept in another form, by why",
            labels=["why"],
        )
        for why in values.REASONS:
            changed.add_metric([why], values.changed[why])
        yield changed
        yield from self._spool_gauges()

    def _spool_gauges(self) -> Iterable[Metric]:
        """Of all processes of this machine. Left out where the disk cannot be read: no figure beats a wrong 0."""
        try:
            spooled = self._spooled()
        except OSError:
            return
        age = 0.0 if spooled.oldest is None else max(0.0, self._clock() - spooled.oldest)
        for name, what, value in (
            ("events", "events on this machine's disk that wait for the log", spooled.events),
            ("bytes", "bytes on this machine's disk that wait for the log", spooled.bytes),
            ("oldest_seconds", "for how long the first of them has waited", age),
            ("abandoned", "spools with events that no process holds", spooled.abandoned),
            ("unreadable_bytes", "bytes put aside that the disk did not give back", spooled.unreadable),
            ("refused_bytes", "bytes of events put aside that the log never takes", spooled.refused),
        ):
            yield GaugeMetricFamily(f"dangol_tracker_spool_{name}", what, value=value)

    def placeholder(self, site: str) -> None:
        """Count an event of the site that had a placeholder id; log it, once per WARNING_SECONDS."""
        self.placeholders.labels(site).inc()
        now = self._clock()
        if now - self._warned.get(site, -WARNING_SECONDS) >= WARNING_SECONDS:
            self._warned[site] = now
            logger.warning(
                "site %s: its pages send placeholders (undefined, null, guest, …) as visitor or user id; "
                "they sign nobody in. Call identify only where a customer is signed in",
                site,
            )

    def text(self) -> bytes:
        return generate_latest(self.registry)
