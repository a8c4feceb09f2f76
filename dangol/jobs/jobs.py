"""The jobs of the schedule. Each does one thing for every site."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from customers.groups.store import GroupStore
from dangol import compose
from dangol.archive import redis_copy
from dangol.doctor.repair import looked
from dangol.jobs.channels import Channels
from dangol.jobs.duplicates import Duplicates
from dangol.jobs.feeds import Feeds
from dangol.jobs.notices import ConsentNotices
from dangol.jobs.people_index import keep_index
from dangol.jobs.scoring import Scoring
from dangol.jobs.training import Training
from dangol.settings import Settings
from profiles.erasures import RedisErased
from recommender.catalogue.from_events import host_of, item_from_event
from recommender.catalogue.unit_costs import unit_costs
from recommender.data.interactions import NothingToLearn
from recommender.jobs.lock import Busy
from recommender.training.refresh import refresh
from tracker.durations import DAY_MS, DAY_SECONDS
from tracker.origins import parsed
from tracker.sites import Site
from warehouse.feeds.doubtful_orders import plausible
from warehouse.feeds.product_facts import hosts, products
from warehouse.question.span import USUAL_DAYS
from web.access.audit import Audit
from web.people.segment_sizes import SegmentSizes

USUAL_PORTS = (None, 80, 443)
HOST_DAYS = 7
"""Pages of so many days tell a site's hosts, where it names no origins."""
ORDER_DAYS = 90
"""Orders of so many days tell what an order is usually worth."""

logger = logging.getLogger("dangol.scheduler")

SCHEDULE = "the schedule"


def scoring(settings: Settings) -> Scoring:
    """The job that scores the customers of a site."""
    store = compose.profiles(settings)
    return Scoring(
        compose.warehouse(settings),
        store,
        RedisErased(store.client),
        GroupStore(settings.profiles_uri),
        compose.score_cards(settings),
        lambda site: unit_costs(compose.catalogue(settings, site.id).all(), site.currency),
        settings.risk_days,
    )


class Jobs:
    """The jobs of one installation. Safe from the schedule's threads: each run opens what it needs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sites = compose.sites(settings)
        self.learner = compose.feedback_job(settings)
        self.membership = compose.membership(settings)
        self.sizes = SegmentSizes(settings.profiles_uri)
        self.scoring = scoring(settings)
        self.score_runs = compose.score_runs(settings)
        self.duplicates = Duplicates(
            compose.warehouse(settings), compose.profiles(settings), compose.log(settings)
        )
        self.notices = ConsentNotices(compose.profiles(settings), compose.log(settings))
        self.erasure = compose.erasure(settings)
        self.channels = Channels(settings)
        self.training = Training(settings)
        self.feeds = Feeds(settings)
        self.progress = compose.progress(settings, compose.log(settings))
        self.erasure_log = compose.erasure_log(settings)
        self.reconciliation = compose.reconciliation(settings)
        self.audit = Audit(settings.folder / "audit.jsonl")

    def _each(self, run: Callable[[Site], object]) -> None:
        """Run for every site in turn. A failure does not stop the other sites; the first is raised in the end."""
        self.sites.refresh()
        failed: list[Exception] = []
        for site in self.sites.all().values():
            try:
                run(site)
            except Exception as error:
                logger.exception("site %s: its part of a job failed; the other sites go on", site.id)
                failed.append(error)
        if failed:
            raise failed[0]

    def learn_offers(self) -> None:
        """Attribute responses to offers, and update the bandit and the budgets."""
        self._each(self.learner.run)

    def reconcile(self) -> None:
        """Ask hosted shops for the orders that no webhook told."""
        self._each(self._reconcile)

    def _reconcile(self, site: Site) -> None:
        for told in self.reconciliation.run(site):
            if told.orders:
                logger.info("site %s: %s told %d changed orders", site.id, told.shop, told.orders)

    def watch_ingest(self) -> None:
        """Record the progress of ingest, so that every process knows how long ingest has made none."""
        waits = self.progress.look()
        if waits.still:
            logger.warning("ingest stands still for %.0f s; %d events wait", waits.seconds, waits.events)

    def segments(self) -> None:
        """Evaluate for all visitors the segments that changed or that depend on the date."""
        self._each(self._segments)

    def _segments(self, site: Site) -> None:
        if self.membership.due(site):
            counted = self.membership.run(site)
            self.sizes.record(site.id, datetime.now(site.zone).date(), counted.members)

    def score(self) -> None:
        """Score every customer: RFM, risk, value, and the card of how right these were."""
        self._each(self._score)

    def score_asked(self) -> None:
        """Score the sites for which somebody requested it."""
        self._each(self._score_asked)

    def _score_asked(self, site: Site) -> None:
        if self.score_runs.is_requested(site.id):
            self._score(site)

    def _score(self, site: Site) -> None:
        self.score_runs.run(site.id, lambda: self.scoring.run(site))

    def index_people(self) -> None:
        """Build the search index of people where there is none, and take out whose profile expired."""
        self._each(self._index_people)

    def _index_people(self, site: Site) -> None:
        store = compose.profiles(self.settings)
        try:
            keep_index(store, site)
        finally:
            store.close()

    def consent_notices(self) -> None:
        """Tell the event log who has to be told of their consent."""
        self._each(self.notices.run)

    def merge_duplicates(self) -> None:
        """Merge accounts with the same e-mail, for sites that say so."""
        self._each(self._merge_duplicates)

    def _merge_duplicates(self, site: Site) -> None:
        if merged := self.duplicates.run(site):
            self.audit.note(SCHEDULE, site.id, "merge", f"{merged} accounts with the same e-mail")

    def classify(self) -> None:
        """Classify the history anew of the sites for which somebody requested it."""
        self._each(self._classify)

    def _classify(self, site: Site) -> None:
        if self.channels.due(site):
            done = self.channels.run(site)
            self.audit.note(SCHEDULE, site.id, "classify", f"{done.rows} events, {done.profiles} profiles")

    def train_asked(self) -> None:
        """Train the sites for which somebody requested it."""
        self._each(self._train_asked)

    def _train_asked(self, site: Site) -> None:
        if self.training.runs.is_requested(site.id):
            self._train(site.id)

    def train(self) -> None:
        """Train the sites that have no model, and those whose training is due."""
        self._each(self._train_due)

    def _train_due(self, site: Site) -> None:
        if self.training.due(site.id):
            self._train(site.id)

    def _train(self, site: str) -> None:
        """Train one site. A failure is logged, and the next site follows."""
        try:
            card = self.training.run(site)
            self.audit.note(SCHEDULE, site, "train", f"version {card.version}, {card.verdict}")
        except (NothingToLearn, Busy) as reason:
            logger.info("site %s: not trained: %s", site, reason)
        except Exception:
            logger.exception("site %s: training failed; what was live stays live", site)

    def refresh(self) -> None:
        """Refresh sessions and trends of the live models between two trainings."""
        self._each(self._refresh)

    def _refresh(self, site: Site) -> None:
        items = compose.catalogue(self.settings, site.id).all()
        refresh(
            site.id,
            compose.history(self.settings),
            compose.model_registry(self.settings, site.id),
            items=items,
        )

    def learn_items(self) -> None:
        """Add items to the catalogue that events name and the shop did not send."""
        self._each(self._learn_items)

    def _learn_items(self, site: Site) -> None:
        warehouse = compose.warehouse(self.settings)
        since = int((time.time() - HOST_DAYS * DAY_SECONDS) * 1000)
        named = {
            each.host if each.port in USUAL_PORTS else f"{each.host}:{each.port}"
            for each in map(parsed, site.origins)
            if each
        }
        own = (named or hosts(warehouse, site.id, since)) | {host_of(self.settings.public_url)} - {""}
        named_products = products(warehouse, site.id, site.currency)
        found = (
            item_from_event(
                each.product,
                sent_by_site=each.told,
                name=each.name,
                category=each.category,
                price=each.price,
                url=each.url,
                image=each.image,
                hosts=own,
            )
            for each in named_products
        )
        first = {each.product: each.first for each in named_products}
        compose.catalogue(self.settings, site.id).sync_from_events((item for item in found if item), first)

    def fetch_feeds(self) -> None:
        """Read the product feeds that are due into the catalogues."""
        self._each(self.feeds.run)

    def learn_orders(self) -> None:
        """Compute the largest plausible order of each site."""
        self._each(self._learn_orders)

    def _learn_orders(self, site: Site) -> None:
        since = int((time.time() - ORDER_DAYS * DAY_SECONDS) * 1000)
        bound = plausible(compose.warehouse(self.settings), site.id, since, site.currency)
        compose.order_limits(self.settings).save(site.id, bound)

    def erase(self) -> None:
        """Continue the requested erasures. No backup runs meanwhile, so the remains of a killed one are removed."""
        redis_copy.forget(self.settings.folder / "redis")
        if done := self.erasure.run():
            self.audit.note(SCHEDULE, "", "erase", f"{done} requests done in every store")

    def mirror(self) -> None:
        """Copy new erasures and consent events to every folder with backups."""
        self.erasure_log.mirror()

    def compact(self) -> None:
        """Merge small files into large ones, and encode them before a report needs them."""
        compose.warehouse(self.settings).compact()
        self._each(self._index)

    def _index(self, site: Site) -> None:
        now = int(time.time() * 1000)
        compose.warehouse(self.settings).scan(site.id, now - 2 * USUAL_DAYS * DAY_MS, now)

    def check(self) -> None:
        """Check the warehouse quickly. The desk shows what is damaged."""
        found = looked(self.settings)
        compose.damage(self.settings).say("look", found)
        for each in found:
            logger.error("the warehouse is damaged: %s; run `dangol doctor --repair`", each)

    def vacuum(self) -> None:
        compose.warehouse(self.settings).vacuum()

    def retire(self) -> None:
        """Drop what is older than ``retention_days``, and of scores older than five weeks all but one day a week."""
        compose.warehouse(self.settings).thin(datetime.now(UTC).date())
        if self.settings.retention_days:
            oldest = time.time() - self.settings.retention_days * DAY_SECONDS
            gone = compose.warehouse(self.settings).retire(int(oldest * 1000))
            self.audit.note(
                SCHEDULE, "", "retention", f"{gone} events older than {self.settings.retention_days} days"
            )
