"""The stores of an installation in groups, made once by the composition root. A page gets only those that it uses."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from customers.groups.store import GroupStore
from customers.scoring.card_store import CardStore
from customers.scoring.runs import ScoreRuns
from ingest.enrich.countries import Source, source
from ingest.rebuild.classification_runs import ClassificationRuns
from ingest.worker.log_generations import Incident
from messages.email.marks import MailMarks
from messages.permission.addresses import AddressDigests
from messages.permission.links import LinkSigner
from messages.permission.suppression import SuppressionList
from offers.bandit.arm_store import ArmStore
from offers.campaign.store import CampaignStore
from offers.coupons.pool import CouponStore
from offers.decision.decider import Decider
from offers.decision.decision_counts import DecisionCountStore
from offers.feedback.token import TokenSigner
from offers.segments.membership import ProgressStore
from offers.segments.store import SegmentStore
from profiles.losses import LossStore
from profiles.search.search import PersonSearch
from profiles.store.port import ProfileStore
from recommender.catalogue.catalogue import Catalogue
from recommender.feeds.status import FeedRecords
from recommender.jobs.runs import TrainingRuns
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from tracker.log.port import EventLog
from tracker.metrics import Spooled
from tracker.sites import Sites
from warehouse.attribution.cost_store import CostStore
from warehouse.delta import Warehouse
from web.access.audit import Audit
from web.access.sign_in_limit import SignInLimit
from web.access.users import Users
from web.health.ingest_progress import IngestLag
from web.health.warehouse_damage import Incomplete
from web.imports.jobs import ImportJobs
from web.people.segment_sizes import SegmentSizes
from web.people.why_not import Gates
from web.reports.cancellation import Cancellations
from web.reports.saved_queries import SavedStore


def _unlimited(_: str, wanted: float, *__: float) -> float:
    return wanted


@dataclass(frozen=True, slots=True)
class Shop:
    """The catalogue, the recommender and the models of one site."""

    catalogue: Catalogue
    recommender: Recommender
    registry: ModelRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorStores:
    """``erase`` (site, id) forgets a person: live data at once, the rest soon. It returns the person's ids, or None
    when nobody is known by the id. ``search`` finds people by what an agent types."""

    profiles: ProfileStore
    search: PersonSearch
    erase: Callable[[str, str], Sequence[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentStores:
    """``store`` has the definitions, ``sizes`` how large segments were each day, ``progress`` how far the evaluation
    of all visitors is."""

    store: SegmentStore
    sizes: SegmentSizes
    progress: ProgressStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStores:
    """``store`` has the campaign documents; the others decide, count decisions, learn, and sign offers."""

    store: CampaignStore
    decider: Decider
    decided: DecisionCountStore
    arms: ArmStore
    signer: TokenSigner
    coupons: CouponStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStores:
    """``shops`` returns the Shop of a site, always the same object for the same site."""

    shops: Callable[[str], Shop]
    runs: TrainingRuns
    feeds: FeedRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStores:
    """``addresses`` makes digests, ``suppressed`` has the addresses that are not written to, ``links`` signs the links
    of messages, ``marks`` what mails carry."""

    addresses: AddressDigests
    suppressed: SuppressionList
    links: LinkSigner
    marks: MailMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStores:
    """``classifications``: who asked that the history be classified anew. A page waits ``patience_seconds`` for a
    report before it says that the report is being counted."""

    warehouse: Warehouse
    funnels: SavedStore
    goals: SavedStore
    cancellations: Cancellations
    losses: LossStore
    costs: CostStore
    cards: CardStore
    score_runs: ScoreRuns
    groups: GroupStore
    classifications: ClassificationRuns
    patience_seconds: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessStores:
    """``secret`` signs the desk's sessions. ``bucket`` (name, wanted, per second, burst) returns how much of a rate
    all processes together still allow."""

    users: Users
    sign_in_limit: SignInLimit
    audit: Audit
    secret: bytes
    bucket: Callable[[str, float, float, float], float] = _unlimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the installation is doing; each is called when a page or Prometheus asks.

    ``incomplete``: what of the warehouse cannot be read. ``spooled``: what waits on this machine's disk for the log.
    ``log_incident``: whether the event log was replaced or lost events lately. ``ingest_waits``: how many events wait
    for ingest, and how long ingest has made no progress. ``backups_behind``: whether a place with backups does not
    know of the newest erasures. ``further_metrics``: figures of what runs in the same process, in Prometheus's text
    format. ``countries``: which data countries are looked up in. ``ingest_group``: the consumer group of ingest.
    """

    incomplete: Callable[[], Incomplete | None] = lambda: None
    spooled: Callable[[], Spooled] = Spooled
    log_incident: Callable[[], Incident | None] = lambda: None
    ingest_waits: Callable[[], IngestLag] = lambda: IngestLag(0, 0.0)
    backups_behind: Callable[[], bool] = bool
    further_metrics: Callable[[], bytes] = bytes
    countries: Callable[[], Source] = source
    ingest_group: str = "ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """``public_url`` is how browsers reach Dangol; ``trust_proxy`` how many proxies stand in front of it;
    ``personalize_seconds`` how long a personalize answer may take."""

    public_url: str
    personalize_seconds: float = 0.1
    trust_proxy: int = 0


def gates_of(stores: "Stores") -> Gates:
    """What asks every gate of a campaign for one person."""
    return Gates(
        decider=stores.campaigns.decider,
        campaigns=stores.campaigns.store,
        addresses=stores.messages.addresses,
        suppressed=stores.messages.suppressed,
        clock=stores.clock,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What ``web.app.create_app`` is given. No page or API module takes it whole."""

    sites: Sites
    log: EventLog
    visitors: VisitorStores
    segments: SegmentStores
    campaigns: CampaignStores
    messages: MessageStores
    models: ModelStores
    reports: ReportStores
    access: AccessStores
    settings: WebSettings
    imports: ImportJobs
    health: Health = field(default_factory=Health)
    clock: Callable[[], float] = time.time
