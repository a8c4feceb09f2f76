"""The ingest worker, the enrichment of its events, and the repair of its work."""

import os
import socket
import time
from typing import TYPE_CHECKING

from dangol.compose.storage import (
    deadletters,
    erasure_log,
    log,
    losses,
    order_limits,
    profiles,
    sites,
    warehouse,
)
from dangol.settings import Settings
from tracker.durations import DAY_MS
from tracker.log.port import EventLog
from tracker.sites import Site

if TYPE_CHECKING:
    from ingest.enrich.countries import Source
    from ingest.enrich.enrich import Enrich
    from ingest.rebuild.lost_rows import LostRows
    from ingest.rebuild.rebuild import Rebuild
    from ingest.worker.log_generations import Incident
    from ingest.worker.worker import Worker
    from web.health.ingest_progress import IngestProgress

INGEST_GROUP = "ingest"
INCIDENT_DAYS = 7  # for so long the desk and the doctor tell that events were lost


def member(name: str = "") -> str:
    """The member name of a worker in the consumer group. A worker with a fixed ``name`` gets its partitions back at
    once after a crash."""
    return f"{socket.gethostname()}-{name or os.getpid()}"


def log_name(settings: Settings) -> str:
    """The name of the log that stored positions belong to: the positions of one log mean nothing in another. It holds
    no password."""
    if not settings.log:
        return "embedded"
    scheme, _, rest = settings.log.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def enrichment(settings: Settings) -> "Enrich":
    """The enrichment of events: country, city, device, channel. Raises CitiesUnreadable."""
    from ingest.enrich.cities import Cities, with_cities
    from ingest.enrich.enrich import facts
    from ingest.enrich.order_limits import with_limits

    found = with_cities(facts, Cities(settings.geoip)) if settings.geoip else facts
    return with_limits(found, order_limits(settings))


def country_source(settings: Settings) -> "Source":
    """The data in which the countries of visitors are looked up. Raises CitiesUnreadable."""
    from ingest.enrich.cities import Cities
    from ingest.enrich.countries import source

    return Cities(settings.geoip).source() if settings.geoip else source()


def worker(settings: Settings, name: str = "") -> "Worker":
    from ingest.worker.worker import Worker
    from profiles.erasures import RedisErased

    store = profiles(settings)
    return Worker(
        log=log(settings),
        store=store,
        warehouse=warehouse(settings),
        sites=sites(settings),
        facts=enrichment(settings),
        deadletters=deadletters(settings),
        erased=RedisErased(store.client),
        group=INGEST_GROUP,
        member=member(name),
        log_name=log_name(settings),
        consents=erasure_log(settings).consents,
        losses=losses(settings),
    )


def stored(settings: Settings, identity: str) -> dict[int, int]:
    """Up to which position of each partition of the log of this identity the warehouse holds everything."""
    from ingest.worker.log_generations import stored
    from ingest.worker.worker import app_of

    return stored(warehouse(settings), app_of(INGEST_GROUP, log_name(settings)), identity)


def rebuild(settings: Settings, site: "Site") -> "Rebuild":
    """The rebuild of a site's profiles from the warehouse."""
    from ingest.rebuild.rebuild import Rebuild
    from profiles.erasures import RedisErased
    from profiles.fold.fold import Settings as FoldSettings
    from profiles.session_rules import rules_of

    store = profiles(settings)
    oldest = int((time.time() - store.ttl) * 1000)
    erased = RedisErased(store.client)
    rules = FoldSettings(rules_of(site), currency=site.currency)
    return Rebuild(warehouse(settings), store, erased, site.id, rules, oldest, arrivals=site)


def restoring(settings: Settings) -> "LostRows":
    """The restoring of lost warehouse rows from what the log still holds."""
    from ingest.rebuild.lost_rows import LostRows
    from profiles.erasures import RedisErased

    store, events = profiles(settings), log(settings)
    erased = RedisErased(store.client)
    return LostRows(events, INGEST_GROUP, store, sites(settings), enrichment(settings), erased, time.time)


def progress(settings: Settings, events: "EventLog") -> "IngestProgress":
    """The progress of ingest through the log."""
    from web.health.ingest_progress import IngestProgress

    return IngestProgress(settings.profiles_uri, lambda: events.backlog(INGEST_GROUP))


def log_incident(settings: Settings, now: float) -> "Incident | None":
    """The latest loss of events in the log, within INCIDENT_DAYS before ``now`` (seconds), if there is one. Raises
    WarehouseUnavailable."""
    from ingest.worker.log_generations import incident
    from ingest.worker.worker import app_of

    since = int(now * 1000) - INCIDENT_DAYS * DAY_MS
    return incident(warehouse(settings), app_of(INGEST_GROUP, log_name(settings)), since)
