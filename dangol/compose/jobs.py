"""What the schedule runs: erasure, feedback on offers, segments, and the history for the recommender."""

import time
from functools import partial
from typing import TYPE_CHECKING

from dangol.compose.ingest import INGEST_GROUP
from dangol.compose.storage import deadletters, erasure_log, log, profiles, sites, warehouse
from dangol.secrets import signing_key
from dangol.settings import Settings

if TYPE_CHECKING:
    from dangol.history.erasure import Erasure
    from dangol.history.interactions import InteractionHistory
    from dangol.shops.reconciliation import Reconciliation
    from offers.feedback_job import FeedbackJob
    from offers.segments.membership import Membership
    from offers.segments.views import Views


def erasure(settings: Settings, settle_seconds: float | None = None) -> "Erasure":
    """The erasure of people in every store."""
    from dangol.history.erasure import SETTLE_SECONDS, Erasure
    from offers.coupons.pool import CouponStore
    from offers.decision.caps import CapStore
    from profiles.erasures import RedisErased

    store = profiles(settings)
    caps = CapStore(settings.profiles_uri, timeout=3.0)
    return Erasure(
        store,
        RedisErased(store.client),
        caps,
        CouponStore(settings.profiles_uri),
        warehouse(settings),
        deadletters(settings),
        SETTLE_SECONDS if settle_seconds is None else settle_seconds,
        journal=erasure_log(settings),
    )


def reconciliation(settings: Settings) -> "Reconciliation":
    """The job that asks hosted shops for orders."""
    from dangol.shops.reconciliation import Reconciliation
    from profiles.erasures import RedisErased
    from warehouse.feeds.stored_ids import stored_ids

    stored, erased = partial(stored_ids, warehouse(settings)), RedisErased(profiles(settings).client)
    return Reconciliation(log(settings), sites(settings), settings.folder, stored, erased.forgotten)


def history(settings: Settings) -> "InteractionHistory":
    """The interactions that models are trained on."""
    from dangol.history.interactions import InteractionHistory

    known = sites(settings)

    def currency(site_id: str) -> str:
        known.refresh()
        site = known.get(site_id)
        return site.currency if site else settings.currency

    return InteractionHistory(warehouse(settings), currency)


def feedback_job(settings: Settings) -> "FeedbackJob":
    """The job that attributes responses to offers and updates the bandit."""
    from dangol.history.watermark import Watermark
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
    """The job that evaluates a segment for everybody when it changes."""
    from offers.segments.membership import Membership, ProgressStore
    from offers.segments.store import SegmentStore

    redis = settings.profiles_uri
    return Membership(SegmentStore(redis), ProgressStore(redis), profiles(settings))


def views(settings: Settings) -> "Views":
    """How people stand at a moment."""
    from offers.segments.store import SegmentStore
    from offers.segments.views import Views

    return Views(SegmentStore(settings.profiles_uri), time.time)
