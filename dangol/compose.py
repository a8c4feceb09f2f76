"""Who gets what: every object of an installation is made here from the settings, and only here."""

import functools
import os
import socket
import time
from typing import TYPE_CHECKING

from dangol.secrets import ensure_admin, ensure_default_site, signing_key
from dangol.settings import Settings
from tracker.durations import DAY_MS
from tracker.log.port import EventLog
from tracker.sites import Site, Sites

if TYPE_CHECKING:  # each process imports only what it composes: a tracker needs no DuckDB, a worker no Flask
    from collections.abc import Callable

    from flask import Flask
    from pyarrow import Table

    from dangol.backup.erasure_log import ErasureLog
    from dangol.jobs.erasure import Erasure
    from ingest.dead_letters import DeadLetters
    from ingest.enrich.countries import Source
    from ingest.enrich.enrich import Enrich
    from ingest.rebuild.lost_rows import LostRows
    from ingest.rebuild.rebuild import Rebuild
    from ingest.worker.log_generations import Incident
    from ingest.worker.worker import Worker
    from offers.feedback_job import FeedbackJob
    from offers.segments.membership import Membership
    from profiles.order_limits import OrderLimits
    from profiles.redis.store import RedisProfiles
    from recommender.catalogue.catalogue import Catalogue
    from recommender.jobs.runs import TrainingRuns
    from recommender.model.registry import ModelRegistry
    from tracker.app import Tracker
    from tracker.delivery.spool_backlog import SpoolWatch
    from warehouse.delta import Warehouse
    from web.access.users import Users
    from web.app import WebApplication
    from web.health.ingest_progress import IngestProgress
    from web.health.warehouse_damage import DamageRecord
    from web.stores import Shop, Stores

INGEST_GROUP = "ingest"
INCIDENT_DAYS = 7  # for so long the desk and the doctor tell that events were lost
BURST_SECONDS = 10  # a caller that was quiet may send as much at once as it may in so many seconds


def sites(settings: Settings) -> Sites:
    ensure_default_site(settings)
    return Sites(settings.sites_file)


def users(settings: Settings) -> "Users":
    from dangol.secrets import ADMIN
    from web.access.users import Users

    return Users(settings.folder / "users.json", fixed={ADMIN} if settings.admin_password else ())


def log(settings: Settings) -> EventLog:
    from tracker.log.open import open_log

    return open_log(settings.log_uri)


def profiles(settings: Settings) -> "RedisProfiles":
    from profiles.redis.store import RedisProfiles

    return RedisProfiles(settings.profiles_uri)


def warehouse(settings: Settings) -> "Warehouse":
    from warehouse.delta import Warehouse

    return Warehouse(settings.warehouse_uri)


def member(name: str = "") -> str:
    """A name in the consumer group. One with a ``name`` of its own takes over at once what it held before it died."""
    return f"{socket.gethostname()}-{name or os.getpid()}"


def log_name(settings: Settings) -> str:
    """Names the log that positions belong to: another one counts anew. No password stands in it."""
    if not settings.log:
        return "embedded"
    scheme, _, rest = settings.log.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def deadletters(settings: Settings) -> "DeadLetters":
    from ingest.dead_letters import DeadLetters

    return DeadLetters(settings.folder)


def enrichment(settings: Settings) -> "Enrich":
    """What a worker finds out about an event. Raises CitiesUnreadable."""
    from ingest.enrich.cities import Cities, with_cities
    from ingest.enrich.enrich import facts
    from ingest.enrich.order_limits import with_limits

    found = with_cities(facts, Cities(settings.geoip)) if settings.geoip else facts
    return with_limits(found, order_limits(settings))


def order_limits(settings: Settings) -> "OrderLimits":
    """The largest plausible order of each site."""
    from profiles.order_limits import OrderLimits

    return OrderLimits(profiles(settings).client)


def country_source(settings: Settings) -> "Source":
    """Where the countries of visitors come from. Raises CitiesUnreadable."""
    from ingest.enrich.cities import Cities
    from ingest.enrich.countries import source

    return Cities(settings.geoip).source() if settings.geoip else source()


def worker(settings: Settings, name: str = "") -> "Worker":
    from ingest.worker.worker import Worker
    from offers.segments.membership import SegmentedProfiles
    from offers.segments.store import SegmentStore
    from profiles.erasures import RedisErased

    known = sites(settings)
    store = SegmentedProfiles(settings.profiles_uri, SegmentStore(settings.profiles_uri), known)
    return Worker(
        log=log(settings),
        store=store,
        warehouse=warehouse(settings),
        sites=known,
        facts=enrichment(settings),
        deadletters=deadletters(settings),
        erased=RedisErased(store.client),
        group=INGEST_GROUP,
        member=member(name),
        log_name=log_name(settings),
        consents=erasure_log(settings).consents,
    )


def stored(settings: Settings, identity: str) -> dict[int, int]:
    """Up to which position of each partition of the log of this identity the warehouse holds everything."""
    from ingest.worker.log_generations import stored
    from ingest.worker.worker import app_of

    return stored(warehouse(settings), app_of(INGEST_GROUP, log_name(settings)), identity)


def rebuild(settings: Settings, site: "Site") -> "Rebuild":
    """What makes a site's profiles anew from the warehouse."""
    from ingest.rebuild.rebuild import Rebuild
    from profiles.erasures import RedisErased
    from profiles.fold.fold import Settings as FoldSettings
    from profiles.session_rules import rules_of

    store = profiles(settings)
    oldest = int((time.time() - store.ttl) * 1000)
    erased = RedisErased(store.client)
    return Rebuild(warehouse(settings), store, erased, site.id, FoldSettings(rules_of(site)), oldest)


def damage(settings: Settings) -> "DamageRecord":
    """What of the warehouse is known to be unreadable."""
    from web.health.warehouse_damage import DamageRecord

    return DamageRecord(settings.profiles_uri)


def progress(settings: Settings, events: "EventLog") -> "IngestProgress":
    """How ingest gets on with the events of the log."""
    from web.health.ingest_progress import IngestProgress

    return IngestProgress(settings.profiles_uri, lambda: events.backlog(INGEST_GROUP))


def restoring(settings: Settings) -> "LostRows":
    """What makes lost rows of the warehouse again, of what the log still holds."""
    from ingest.rebuild.lost_rows import LostRows
    from profiles.erasures import RedisErased

    store, events = profiles(settings), log(settings)
    erased = RedisErased(store.client)
    return LostRows(events, INGEST_GROUP, store, sites(settings), enrichment(settings), erased, time.time)


def erasure_log(settings: Settings) -> "ErasureLog":
    """What backups do not know of erasures and of consent."""
    from dangol.backup.erasure_log import ErasureLog

    return ErasureLog(profiles(settings).client)


def erasure(settings: Settings, settle_seconds: float | None = None) -> "Erasure":
    """What forgets a person in every store."""
    from dangol.jobs.erasure import SETTLE_SECONDS, Erasure
    from offers.decision.caps import CapStore
    from profiles.erasures import RedisErased

    store = profiles(settings)
    caps = CapStore(settings.profiles_uri, timeout=3.0)
    return Erasure(
        store,
        RedisErased(store.client),
        caps,
        warehouse(settings),
        deadletters(settings),
        SETTLE_SECONDS if settle_seconds is None else settle_seconds,
        journal=erasure_log(settings),
    )


def tracker(settings: Settings) -> "Tracker":
    from tracker.admission.buckets import RedisBuckets
    from tracker.admission.limits import Rate
    from tracker.app import Tracker

    limited, letters = settings.key_rate, deadletters(settings)
    return Tracker(
        sites(settings),
        log(settings),
        trust_proxy=settings.trust_proxy,
        spool=settings.folder / "spool",
        spool_bytes=settings.spool_mb << 20,
        refused=lambda record, reason: letters.add([letters.refused(record, reason)]),
        key_rate=Rate(settings.key_rate, settings.key_rate * BURST_SECONDS),
        address_rate=Rate(settings.address_rate, settings.address_rate * BURST_SECONDS),
        shared=RedisBuckets(settings.profiles_uri) if limited else None,
        server_cookie=settings.server_cookie,
    )


def spool_watch(settings: Settings) -> "SpoolWatch":
    """What waits on this machine's disk for the log."""
    from tracker.delivery.spool_backlog import SpoolWatch

    return SpoolWatch(settings.folder / "spool")


def catalogue(settings: Settings, site: str, patience: float = 5.0) -> "Catalogue":
    """``patience`` is how long Redis may take, seconds: a page waits less than a job does."""
    from recommender.catalogue.catalogue import Catalogue
    from recommender.catalogue.redis import RedisItems
    from tracker.redis_connection import connect

    return Catalogue(RedisItems(connect(settings.profiles_uri, patience), site))


def model_registry(settings: Settings, site: str) -> "ModelRegistry":
    from recommender.model.registry import ModelRegistry

    return ModelRegistry(settings.models_folder, site)


def runs(settings: Settings, patience: float = 5.0) -> "TrainingRuns":
    from recommender.jobs.runs import TrainingRuns
    from tracker.redis_connection import connect

    return TrainingRuns(connect(settings.profiles_uri, patience))


class History:
    """The warehouse as the recommender sees it. What a wrong clock put into the future moves no window."""

    def __init__(self, warehouse: "Warehouse", clock: "Callable[[], float]" = time.time) -> None:
        self._warehouse, self._clock = warehouse, clock

    def interactions(self, site: str, days: int) -> "Table":
        from warehouse.feeds.interactions import interactions, newest

        last = min(newest(self._warehouse, site) or 0, int(self._clock() * 1000))
        return interactions(self._warehouse, site, start=max(0, last - days * DAY_MS))


def history(settings: Settings) -> History:
    return History(warehouse(settings))


def shops(settings: Settings) -> "Callable[[str], Shop]":
    """A site's catalogue and recommender, made once for each process."""
    from recommender.serving.recommender import Recommender
    from web.stores import Shop

    @functools.cache
    def shop_of(site: str) -> Shop:
        items = catalogue(settings, site, settings.personalize_budget_ms / 1000)
        models = model_registry(settings, site)
        return Shop(items, Recommender(models, items), models)

    return shop_of


def log_incident(settings: Settings, now: float) -> "Incident | None":
    """What happened to the event log in the days before ``now``, seconds. Raises WarehouseUnavailable."""
    from ingest.worker.log_generations import incident
    from ingest.worker.worker import app_of

    since = int(now * 1000) - INCIDENT_DAYS * DAY_MS
    return incident(warehouse(settings), app_of(INGEST_GROUP, log_name(settings)), since)


def stores(settings: Settings, tracker: "Tracker | None" = None) -> "Stores":
    """Everything the web application stands on; with the figures of the ``tracker`` in the same process."""
    from offers.bandit.arm_store import ArmStore
    from offers.campaign.campaign import Cap
    from offers.campaign.store import CampaignStore
    from offers.decision.budget import BudgetStore
    from offers.decision.caps import CapStore
    from offers.decision.decider import Decider
    from offers.decision.decision_counts import DecisionCountStore
    from offers.feedback.token import TokenSigner
    from offers.segments.membership import ProgressStore
    from offers.segments.store import SegmentStore
    from tracker.admission.buckets import RedisBuckets
    from web.access.audit import Audit
    from web.access.sign_in_limit import RedisSignInLimit
    from web.people.segment_sizes import SegmentSizes
    from web.reports.cancellation import Cancellations
    from web.reports.saved_queries import SavedStore
    from web.stores import (
        AccessStores,
        CampaignStores,
        Health,
        ModelStores,
        ReportStores,
        SegmentStores,
        Stores,
        VisitorStores,
        WebSettings,
    )

    key = signing_key(settings)
    accounts = users(settings)
    if settings.admin_password:
        ensure_admin(settings, accounts)
    redis = settings.profiles_uri
    campaigns, segments, arms = CampaignStore(redis), SegmentStore(redis), ArmStore(redis)
    # Half of the budget at most: there must be time left for an answer without the count.
    fatigue = (
        Cap(limit=settings.offers_per_session, per="session"),
        Cap(limit=settings.offers_per_day, per="day"),
    )
    caps = CapStore(redis, fatigue, timeout=settings.personalize_budget_ms / 2000)
    signer = TokenSigner(key)
    forgetting = erasure(settings)
    house, broken, events = warehouse(settings), damage(settings), log(settings)
    house.on_damage = broken.read

    def erase(site: str, who: str) -> tuple[str, ...] | None:
        request = forgetting.ask(site, who)
        return request.ids if request else None

    return Stores(
        sites=sites(settings),
        log=events,
        visitors=VisitorStores(profiles=profiles(settings), erase=erase),
        segments=SegmentStores(store=segments, sizes=SegmentSizes(redis), progress=ProgressStore(redis)),
        campaigns=CampaignStores(
            store=campaigns,
            decider=Decider(
                campaigns,
                caps,
                signer,
                arms=arms,
                budgets=BudgetStore(redis, processes=settings.workers),
                segments=segments,
                global_holdout=settings.global_holdout,
            ),
            decided=DecisionCountStore(redis),
            arms=arms,
            signer=signer,
        ),
        models=ModelStores(shops=shops(settings), runs=runs(settings, 1.0)),
        reports=ReportStores(
            warehouse=house,
            funnels=SavedStore(redis, "funnels"),
            goals=SavedStore(redis, "goals"),
            cancellations=Cancellations(redis),
        ),
        access=AccessStores(
            users=accounts,
            sign_in_limit=RedisSignInLimit(redis),
            audit=Audit(settings.folder / "audit.jsonl"),
            secret=key,
            bucket=RedisBuckets(redis).take,
        ),
        settings=WebSettings(
            public_url=settings.public_url or settings.url,
            personalize_seconds=settings.personalize_budget_ms / 1000,
            trust_proxy=settings.trust_proxy,
        ),
        health=Health(
            incomplete=broken.incomplete,
            spooled=functools.partial(spool_watch(settings).look, count=False),
            log_incident=lambda: log_incident(settings, time.time()),
            ingest_waits=progress(settings, events).look,
            backups_behind=erasure_log(settings).behind,
            further_metrics=tracker.metrics.text if tracker else bytes,
            countries=functools.cache(functools.partial(country_source, settings)),
            ingest_group=INGEST_GROUP,
        ),
    )


def learner(settings: Settings) -> "FeedbackJob":
    """What turns answers to offers into what the bandit knows."""
    from dangol.jobs.watermark import Watermark
    from offers.bandit.arm_store import ArmStore
    from offers.campaign.store import CampaignStore
    from offers.decision.budget import BudgetStore
    from offers.feedback.token import TokenSigner
    from offers.feedback.warehouse import WarehouseResponses
    from offers.feedback_job import FeedbackJob

    events = log(settings)
    return FeedbackJob(
        CampaignStore(settings.profiles_uri),
        WarehouseResponses(warehouse(settings)),
        TokenSigner(signing_key(settings)),
        ArmStore(settings.profiles_uri),
        BudgetStore(settings.profiles_uri),
        complete=Watermark(lambda: events.backlog(INGEST_GROUP)),
    )


def membership(settings: Settings) -> "Membership":
    """What asks everybody again when a segment changes."""
    from offers.segments.membership import Membership, ProgressStore
    from offers.segments.store import SegmentStore

    redis = settings.profiles_uri
    return Membership(SegmentStore(redis), ProgressStore(redis), profiles(settings))


def web(settings: Settings, tracker: "Tracker | None" = None) -> "WebApplication":
    from web.app import create_app

    return create_app(stores(settings, tracker))


def shop(settings: Settings) -> "Flask":
    """The demo shop: what it knows of Dangol is an address and a write key."""
    from dangol.shop.app import create_shop

    site = ensure_default_site(settings)
    return create_shop(None, site.write_key, signing_key(settings), site.secret_key)
