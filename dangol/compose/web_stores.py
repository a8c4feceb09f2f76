"""The stores that the web application is given, one function for each group of ``web.stores``."""

import functools
import sys
import time
from typing import TYPE_CHECKING

from dangol.compose.ingest import INGEST_GROUP, country_source, log_incident, progress
from dangol.compose.jobs import erasure
from dangol.compose.mail import mail_marks
from dangol.compose.storage import (
    address_digests,
    catalogue,
    classification_runs,
    contact_caps,
    costs,
    damage,
    erasure_log,
    feed_records,
    log,
    losses,
    model_registry,
    profiles,
    runs,
    score_cards,
    score_runs,
    sites,
    spool_watch,
    suppressions,
    users,
    warehouse,
)
from dangol.secrets import ensure_admin, signing_key
from dangol.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from offers.bandit.arm_store import ArmStore
    from offers.campaign.store import CampaignStore
    from offers.coupons.pool import CouponStore
    from offers.decision.decider import Decider
    from offers.feedback.token import TokenSigner
    from offers.segments.store import SegmentStore
    from tracker.app import Tracker
    from tracker.log.port import EventLog
    from warehouse.delta import Warehouse
    from web.health.warehouse_damage import DamageRecord
    from web.imports.jobs import ImportJobs
    from web.stores import (
        AccessStores,
        CampaignStores,
        Health,
        MessageStores,
        ReportStores,
        SegmentStores,
        Shop,
        Stores,
        VisitorStores,
    )


def stores(settings: Settings, tracker: "Tracker | None" = None) -> "Stores":
    """All stores of the web application. /metrics includes the metrics of ``tracker``, if it runs in this process."""
    from offers.segments.store import SegmentStore
    from web.stores import ModelStores, Stores, WebSettings

    access = _access(settings)
    segments = SegmentStore(settings.profiles_uri)
    house, broken, events = warehouse(settings), damage(settings), log(settings)
    house.on_damage = broken.read
    return Stores(
        sites=sites(settings),
        log=events,
        visitors=_visitors(settings),
        segments=_segments(settings, segments),
        campaigns=_campaigns(settings, segments, access.secret),
        messages=_messages(settings),
        models=ModelStores(
            shops=shops(settings), runs=runs(settings, 1.0), feeds=feed_records(settings, 1.0)
        ),
        reports=_reports(settings, house),
        access=access,
        settings=WebSettings(
            public_url=settings.public_url or settings.url,
            personalize_seconds=settings.personalize_budget_ms / 1000,
            trust_proxy=settings.trust_proxy,
        ),
        imports=_imports(settings),
        health=_health(settings, events, broken, tracker),
    )


def _imports(settings: Settings) -> "ImportJobs":
    """Runs the commands of this installation, with the settings of this process."""
    from ingest.files.mappings import MAPPINGS
    from web.imports.jobs import ImportJobs

    def command(words: "Sequence[str]") -> "Sequence[str]":
        return (sys.executable, "-m", "dangol", *words)

    return ImportJobs(settings.folder / "imports", command, settings.folder / MAPPINGS)


def _visitors(settings: Settings) -> "VisitorStores":
    from profiles.search.search import PersonSearch
    from web.stores import VisitorStores

    forgetting = erasure(settings)

    def erase(site: str, who: str) -> tuple[str, ...] | None:
        request = forgetting.ask(site, who)
        return request.ids if request else None

    store = profiles(settings)
    return VisitorStores(profiles=store, search=PersonSearch(store.index, store), erase=erase)


def _segments(settings: Settings, segments: "SegmentStore") -> "SegmentStores":
    from offers.segments.membership import ProgressStore
    from web.people.segment_sizes import SegmentSizes
    from web.stores import SegmentStores

    redis = settings.profiles_uri
    return SegmentStores(store=segments, sizes=SegmentSizes(redis), progress=ProgressStore(redis))


def _campaigns(settings: Settings, segments: "SegmentStore", key: bytes) -> "CampaignStores":
    from offers.bandit.arm_store import ArmStore
    from offers.campaign.store import CampaignStore
    from offers.coupons.pool import CouponStore
    from offers.decision.decision_counts import DecisionCountStore
    from offers.feedback.token import TokenSigner
    from web.stores import CampaignStores

    redis = settings.profiles_uri
    campaigns, arms, signer = CampaignStore(redis), ArmStore(redis), TokenSigner(key)
    # Half of the time that an answer may take: the other half is left to answer without them.
    coupons = CouponStore(redis, timeout=settings.personalize_budget_ms / 2000, processes=settings.workers)
    return CampaignStores(
        store=campaigns,
        decider=_decider(settings, campaigns, segments, arms, signer, coupons),
        decided=DecisionCountStore(redis),
        arms=arms,
        signer=signer,
        coupons=coupons,
    )


def _messages(settings: Settings) -> "MessageStores":
    from web.stores import MessageStores

    digests, links = address_digests(settings)
    return MessageStores(
        addresses=digests, suppressed=suppressions(settings), links=links, marks=mail_marks(settings)
    )


def _decider(
    settings: Settings,
    campaigns: "CampaignStore",
    segments: "SegmentStore",
    arms: "ArmStore",
    signer: "TokenSigner",
    coupons: "CouponStore",
) -> "Decider":
    from offers.campaign.campaign import Cap
    from offers.decision.budget import BudgetStore
    from offers.decision.caps import CapStore
    from offers.decision.decider import Decider

    redis = settings.profiles_uri
    fatigue = (
        Cap(limit=settings.offers_per_session, per="session"),
        Cap(limit=settings.offers_per_day, per="day"),
    )
    # Half of the time that an answer may take: the other half is left to answer without the counts.
    caps = CapStore(
        redis, fatigue, timeout=settings.personalize_budget_ms / 2000, contact=contact_caps(settings)
    )
    return Decider(
        campaigns,
        caps,
        signer,
        arms=arms,
        budgets=BudgetStore(redis, processes=settings.workers),
        coupons=coupons,
        segments=segments,
        global_holdout=settings.global_holdout,
    )


def shops(settings: Settings) -> "Callable[[str], Shop]":
    """The catalogue and the recommender of a site, made once in each process."""
    from recommender.serving.recommender import Recommender
    from web.stores import Shop

    @functools.cache
    def shop_of(site: str) -> Shop:
        items = catalogue(settings, site, settings.personalize_budget_ms / 1000)
        models = model_registry(settings, site)
        return Shop(items, Recommender(models, items), models)

    return shop_of


def _reports(settings: Settings, house: "Warehouse") -> "ReportStores":
    from customers.groups.store import GroupStore
    from web.reports.cancellation import Cancellations
    from web.reports.saved_queries import SavedStore
    from web.stores import ReportStores

    redis = settings.profiles_uri
    return ReportStores(
        warehouse=house,
        funnels=SavedStore(redis, "funnels"),
        goals=SavedStore(redis, "goals"),
        cancellations=Cancellations(redis),
        losses=losses(settings, 1.0),
        costs=costs(settings),
        cards=score_cards(settings),
        score_runs=score_runs(settings),
        groups=GroupStore(settings.profiles_uri),
        classifications=classification_runs(settings, 1.0),
    )


def _access(settings: Settings) -> "AccessStores":
    from tracker.admission.buckets import RedisBuckets
    from web.access.audit import Audit
    from web.access.sign_in_limit import RedisSignInLimit
    from web.stores import AccessStores

    key, accounts = signing_key(settings), users(settings)
    if settings.admin_password:
        ensure_admin(settings, accounts)
    redis = settings.profiles_uri
    return AccessStores(
        users=accounts,
        sign_in_limit=RedisSignInLimit(redis),
        audit=Audit(settings.folder / "audit.jsonl"),
        secret=key,
        bucket=RedisBuckets(redis).take,
    )


def _health(
    settings: Settings, events: "EventLog", broken: "DamageRecord", tracker: "Tracker | None"
) -> "Health":
    from web.stores import Health

    return Health(
        incomplete=broken.incomplete,
        spooled=functools.partial(spool_watch(settings).look, count=False),
        log_incident=lambda: log_incident(settings, time.time()),
        ingest_waits=progress(settings, events).look,
        backups_behind=erasure_log(settings).behind,
        further_metrics=tracker.metrics.text if tracker else bytes,
        countries=functools.cache(functools.partial(country_source, settings)),
        ingest_group=INGEST_GROUP,
    )
