"""The HTTP applications: tracker, web, and the demo shop."""

import functools
import time
from typing import TYPE_CHECKING

from dangol.compose.ingest import INGEST_GROUP, country_source, log_incident, progress
from dangol.compose.jobs import erasure
from dangol.compose.storage import (
    catalogue,
    damage,
    deadletters,
    erasure_log,
    log,
    model_registry,
    profiles,
    runs,
    sites,
    spool_watch,
    users,
    warehouse,
)
from dangol.secrets import ensure_admin, ensure_default_site, signing_key
from dangol.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from tracker.app import Tracker
    from web.app import WebApplication
    from web.stores import Shop, Stores

BURST_SECONDS = 10  # a caller that was quiet may send as much at once as it may in so many seconds


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


def web(settings: Settings, tracker: "Tracker | None" = None) -> "WebApplication":
    from web.app import create_app

    return create_app(stores(settings, tracker))


def shop(settings: Settings) -> "Flask":
    """The demo shop: what it knows of Dangol is an address and a write key."""
    from dangol.shop.app import create_shop

    site = ensure_default_site(settings)
    return create_shop(None, site.write_key, signing_key(settings), site.secret_key)
