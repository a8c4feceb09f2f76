"""What the web application stands on; the composition root fills it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest.enrich.countries import Source, source
from ingest.worker.log_generations import Incident
from offers.bandit.arm_store import ArmStore
from offers.campaign.store import CampaignStore
from offers.decision.caps import CapStore
from offers.decision.decider import Decider
from offers.decision.decision_counts import DecisionCountStore
from offers.feedback.token import TokenSigner
from offers.segments.membership import ProgressStore
from offers.segments.store import SegmentStore
from profiles.store import ProfileStore
from recommender.catalogue.catalogue import Catalogue
from recommender.jobs.runs import Runs
from recommender.model.registry import Shelf
from recommender.serving.recommender import Recommender
from tracker.delivery.spool_backlog import Spooled
from tracker.log.port import EventLog
from tracker.sites import Sites
from warehouse.delta import Warehouse
from web.access.audit import Audit
from web.access.sign_in_limit import Guesses
from web.access.users import Users
from web.damage import Incomplete
from web.progress import Waits
from web.reports.cancel import Stops
from web.reports.saved import SavedStore
from web.reports.sizes import SegmentSizes


def _unlimited(_: str, wanted: float, *__: float) -> float:
    return wanted


@dataclass(frozen=True, slots=True)
class Shop:
    """What one site has of its own."""

    catalogue: Catalogue
    recommender: Recommender
    shelf: Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every store of the installation. ``shops`` gives what a site has of its own, always the same.

    ``erase`` (site, id) forgets a person: at once what is live, soon the rest; the ids, or None for nobody.
    ``secret`` signs the desk's sessions; a page waits ``patience_seconds`` before it says that it is counting.
    ``public_url`` is how browsers reach Dangol; ``ingest_group`` is the consumer group whose lag is shown.
    ``incomplete`` tells whether something of the warehouse cannot be read.
    ``spooled`` tells what waits on this machine's disk for the log.
    ``further_metrics`` are figures of what runs beside it in the process, in Prometheus's text format.
    ``log_incident`` tells whether the event log was made anew or lost events lately.
    ``ingest_waits`` tells how many events wait for ingest, and how long it has not got on with them.
    ``backups_behind`` tells whether a place with backups does not know of the newest erasures.
    ``bucket`` (name, wanted, per second, burst) says how much of a rate all processes together still allow.
    """

    sites: Sites
    log: EventLog
    profiles: ProfileStore
    warehouse: Warehouse
    shops: Callable[[str], Shop]
    runs: Runs
    campaigns: CampaignStore
    funnels: SavedStore
    goals: SavedStore
    segments: SegmentStore
    sizes: SegmentSizes
    progress: ProgressStore
    arms: ArmStore
    caps: CapStore
    decider: Decider
    decided: DecisionCountStore
    signer: TokenSigner
    users: Users
    guesses: Guesses
    stops: Stops
    secret: bytes
    audit: Audit
    erase: Callable[[str, str], Sequence[str] | None]
    public_url: str
    incomplete: Callable[[], Incomplete | None] = lambda: None
    spooled: Callable[[], Spooled] = Spooled
    personalize_seconds: float = 0.1
    patience_seconds: float = 1.5
    ingest_group: str = "ingest"
    trust_proxy: int = 0
    further_metrics: Callable[[], bytes] = bytes
    log_incident: Callable[[], Incident | None] = lambda: None
    ingest_waits: Callable[[], Waits] = lambda: Waits(0, 0.0)
    backups_behind: Callable[[], bool] = bool
    bucket: Callable[[str, float, float, float], float] = _unlimited
    countries: Callable[[], Source] = source
    clock: Callable[[], float] = time.time
