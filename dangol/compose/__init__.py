"""Settings enter; the objects of an installation leave. They are made only here.

Each function imports what it makes when it is called: a tracker needs no DuckDB, a worker no Flask.
"""

from dangol.compose.applications import shop, tracker, web
from dangol.compose.ingest import (
    INCIDENT_DAYS,
    INGEST_GROUP,
    country_source,
    enrichment,
    log_incident,
    member,
    progress,
    rebuild,
    restoring,
    stored,
    worker,
)
from dangol.compose.jobs import erasure, feedback_job, history, membership, reconciliation
from dangol.compose.storage import (
    catalogue,
    damage,
    deadletters,
    erasure_log,
    feed_records,
    item_store,
    log,
    losses,
    model_registry,
    order_limits,
    profiles,
    runs,
    sites,
    spool_watch,
    users,
    warehouse,
)
from dangol.compose.web_stores import stores

__all__ = [
    "INCIDENT_DAYS",
    "INGEST_GROUP",
    "catalogue",
    "country_source",
    "damage",
    "deadletters",
    "enrichment",
    "erasure",
    "erasure_log",
    "feed_records",
    "feedback_job",
    "history",
    "item_store",
    "log",
    "log_incident",
    "losses",
    "member",
    "membership",
    "model_registry",
    "order_limits",
    "profiles",
    "progress",
    "rebuild",
    "reconciliation",
    "restoring",
    "runs",
    "shop",
    "sites",
    "spool_watch",
    "stored",
    "stores",
    "tracker",
    "users",
    "warehouse",
    "web",
    "worker",
]
