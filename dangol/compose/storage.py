"""The stores of an installation: settings enter, one store leaves each function."""

from typing import TYPE_CHECKING

from dangol.secrets import ensure_default_site
from dangol.settings import Settings
from tracker.log.port import EventLog
from tracker.sites import Sites

if TYPE_CHECKING:
    from customers.scoring.card_store import CardStore
    from customers.scoring.runs import ScoreRuns
    from dangol.archive.erasure_log import ErasureLog
    from ingest.dead_letters import DeadLetters
    from ingest.rebuild.classification_runs import ClassificationRuns
    from messages.permission.addresses import AddressDigests
    from messages.permission.links import LinkSigner
    from messages.permission.suppression import SuppressionList
    from offers.campaign.campaign import Cap
    from profiles.losses import LossStore
    from profiles.order_limits import OrderLimits
    from profiles.redis.store import RedisProfiles
    from recommender.catalogue.catalogue import Catalogue
    from recommender.catalogue.redis import RedisItems
    from recommender.feeds.status import FeedRecords
    from recommender.jobs.runs import TrainingRuns
    from recommender.model.registry import ModelRegistry
    from tracker.delivery.spool_backlog import SpoolWatch
    from warehouse.attribution.cost_store import RedisCosts
    from warehouse.delta import Warehouse
    from web.access.users import Users
    from web.health.warehouse_damage import DamageRecord


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


def deadletters(settings: Settings) -> "DeadLetters":
    from ingest.dead_letters import DeadLetters

    return DeadLetters(settings.folder)


def order_limits(settings: Settings) -> "OrderLimits":
    """The largest plausible order of each site."""
    from profiles.order_limits import OrderLimits

    return OrderLimits(profiles(settings).client)


def losses(settings: Settings, patience: float = 5.0) -> "LossStore":
    """What sites lose of the values that they send. ``patience`` (seconds) is the time-out of Redis."""
    from profiles.losses import LossStore
    from tracker.redis_connection import connect

    return LossStore(connect(settings.profiles_uri, patience))


def costs(settings: Settings) -> "RedisCosts":
    """What advertising cost, by site."""
    from warehouse.attribution.cost_store import RedisCosts

    return RedisCosts(settings.profiles_uri)


def score_cards(settings: Settings) -> "CardStore":
    """How right the scores of each site were."""
    from customers.scoring.card_store import CardStore

    return CardStore(settings.profiles_uri)


def score_runs(settings: Settings) -> "ScoreRuns":
    """Runs of the scores: requested, running, done."""
    from customers.scoring.runs import SCORES_LOCK, ScoreRuns
    from recommender.jobs.lock import RedisLock
    from tracker.redis_connection import connect

    client = connect(settings.profiles_uri, 5.0)
    return ScoreRuns(client, lambda: bool(RedisLock(client, SCORES_LOCK).held_by()))


def erasure_log(settings: Settings) -> "ErasureLog":
    """The erasures and consent events that backups do not hold yet."""
    from dangol.archive.erasure_log import ErasureLog

    return ErasureLog(profiles(settings).client)


def contact_caps(settings: Settings) -> "tuple[Cap, ...]":
    """How many messages of marketing one person gets, over all channels."""
    from offers.campaign.campaign import Cap

    return (
        Cap(limit=settings.messages_per_day, per="day"),
        Cap(limit=settings.messages_per_week, per="week"),
    )


def suppressions(settings: Settings) -> "SuppressionList":
    """The addresses that are not written to."""
    from messages.permission.suppression import SuppressionList

    return SuppressionList(settings.profiles_uri)


def address_digests(settings: Settings) -> "tuple[AddressDigests, LinkSigner]":
    """What makes digests of addresses, and what signs the links of messages: by the same key."""
    from messages.permission.addresses import AddressDigests
    from messages.permission.kept_key import KeptKey
    from messages.permission.links import LinkSigner

    key = KeptKey(settings.profiles_uri)
    return AddressDigests(key), LinkSigner(key)


def damage(settings: Settings) -> "DamageRecord":
    """The record of unreadable parts of the warehouse."""
    from web.health.warehouse_damage import DamageRecord

    return DamageRecord(settings.profiles_uri)


def spool_watch(settings: Settings) -> "SpoolWatch":
    """The events that wait on this machine's disk for the log."""
    from tracker.delivery.spool_backlog import SpoolWatch

    return SpoolWatch(settings.folder / "spool")


def item_store(settings: Settings, site: str, patience: float = 5.0) -> "RedisItems":
    """The store of a site's items. ``patience`` (seconds) is the time-out of Redis."""
    from recommender.catalogue.redis import RedisItems
    from tracker.redis_connection import connect

    return RedisItems(connect(settings.profiles_uri, patience), site)


def catalogue(settings: Settings, site: str, patience: float = 5.0) -> "Catalogue":
    """A site's catalogue. ``patience`` (seconds) is the time-out of Redis: shorter for a page than for a job."""
    from recommender.catalogue.catalogue import Catalogue

    return Catalogue(item_store(settings, site, patience))


def model_registry(settings: Settings, site: str) -> "ModelRegistry":
    from recommender.model.registry import ModelRegistry

    return ModelRegistry(settings.models_folder, site)


def feed_records(settings: Settings, patience: float = 5.0) -> "FeedRecords":
    """What became of the fetches of the sites' feeds."""
    from recommender.feeds.status import FeedRecords
    from tracker.redis_connection import connect

    return FeedRecords(connect(settings.profiles_uri, patience))


def classification_runs(settings: Settings, patience: float = 5.0) -> "ClassificationRuns":
    """Who asked that a site's history be classified anew."""
    from ingest.rebuild.classification_runs import ClassificationRuns
    from tracker.redis_connection import connect

    return ClassificationRuns(connect(settings.profiles_uri, patience))


def runs(settings: Settings, patience: float = 5.0) -> "TrainingRuns":
    from recommender.jobs.runs import TrainingRuns
    from tracker.redis_connection import connect

    return TrainingRuns(connect(settings.profiles_uri, patience))
