"""What an ingest worker counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """One worker's counters, in a registry of their own so that tests may make many."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        events = Counter(
            "dangol_ingest_events",
            "messages read from the log, by what became of them",
            ["outcome"],
            registry=self.registry,
        )
        self.applied = events.labels("applied")
        self.duplicates = events.labels("duplicate")
        self.replays = events.labels("replayed")
        self.bots = events.labels("bot")
        self.opted_out = events.labels("opted_out")
        self.dead = events.labels("dead_letter")
        self.refused = events.labels("refused")
        self.ignored = events.labels("ignored")
        self.erased = events.labels("erased")
        self.log_replaced = Counter(
            "dangol_ingest_log_replaced",
            "partitions of the event log that were made anew, or went back behind what was read",
            registry=self.registry,
        )
        self.log_lost = Counter(
            "dangol_ingest_log_lost_events",
            "events that the log removed before they were read",
            registry=self.registry,
        )
        self.lost_values = Counter(
            "dangol_ingest_lost_values",
            "events with a field that could not be read, or lost something: the site's data quality",
            ["site", "field", "reason"],
            registry=self.registry,
        )
        self.orders_cut = Counter(
            "dangol_ingest_orders_cut",
            "orders, lines, refunds and purchases that a profile has no room for: they stay counted as they are",
            registry=self.registry,
        )
        self.conflicts = Counter(
            "dangol_ingest_conflicts",
            "profiles folded again since another writer changed them",
            registry=self.registry,
        )
        self.waits = Counter(
            "dangol_ingest_unavailable",
            "times a log, store or warehouse was not available",
            ["what"],
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "dangol_ingest_batch_seconds",
            "one micro-batch, from decoding to saved profiles",
            registry=self.registry,
        )
        self.flush_seconds = Histogram(
            "dangol_ingest_flush_seconds", "one warehouse append", registry=self.registry
        )
        self.buffered = Gauge(
            "dangol_ingest_buffered_rows", "rows that wait for the warehouse", registry=self.registry
        )
        self.lag = Gauge(
            "dangol_ingest_lag",
            "messages in the log that this group has not committed",
            registry=self.registry,
        )
        self.delay = Histogram(
            "dangol_ingest_delay_seconds",
            "from the tracker's receipt of a batch's oldest event to its profile",
            registry=self.registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600),
        )
