"""What the schedule runs: each job does one thing for every site."""

import logging
import time
from datetime import datetime

from dangol import compose
from dangol.scoring import Scoring
from dangol.settings import Settings
from recommender.catalogue import Item
from recommender.refresh import refresh
from recommender.train import NothingToLearn, train
from warehouse.products import products
from warehouse.span import DAY_MS, USUAL_DAYS
from web.sizes import SegmentSizes

logger = logging.getLogger("dangol.scheduler")


class Jobs:
    """The jobs of one installation. Safe from the schedule's threads: each run opens what it needs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sites = compose.sites(settings)
        self.learner = compose.learner(settings)
        self.membership = compose.membership(settings)
        self.sizes = SegmentSizes(settings.profiles_uri)
        self.scoring = Scoring(compose.warehouse(settings), compose.profiles(settings))
        self.erasure = compose.erasure(settings)

    def _sites(self) -> list[str]:
        self.sites.refresh()
        return list(self.sites.all())

    def learn_offers(self) -> None:
        """What visitors answered to offers, for the bandit and the budgets."""
        self._sites()
        for site in self.sites.all().values():
            self.learner.run(site)

    def segments(self) -> None:
        """Everybody again where a segment changed, and where days went by."""
        self._sites()
        for site in self.sites.all().values():
            if self.membership.due(site):
                counted = self.membership.run(site)
                today = datetime.now(site.zone).date()
                self.sizes.record(site.id, today, counted.members)

    def score(self) -> None:
        """Recency, frequency, monetary value, churn and lifetime value of every customer."""
        self._sites()
        for site in self.sites.all().values():
            self.scoring.run(site)

    def train(self) -> None:
        for site in self._sites():
            self.train_site(site)

    def first_models(self) -> None:
        """A site that has no model yet need not wait for the daily training."""
        for site in self._sites():
            if compose.shelf(self.settings, site).live_version() is None:
                self.train_site(site)

    def train_site(self, site: str) -> None:
        items = compose.catalogue(self.settings, site).all()
        try:
            train(site, compose.history(self.settings), compose.shelf(self.settings, site), items=items)
        except NothingToLearn as nothing:
            logger.info("%s", nothing)

    def refresh(self) -> None:
        """Sessions and trends of the live models, between two trainings."""
        for site in self._sites():
            refresh(site, compose.history(self.settings), compose.shelf(self.settings, site))

    def learn_items(self) -> None:
        """Items that product events name and the shop never told us about."""
        warehouse = compose.warehouse(self.settings)
        for site in self._sites():
            known = compose.catalogue(self.settings, site)
            known.learn(
                Item(
                    id=each.product,
                    name=each.name,
                    category=each.category,
                    price=each.price,
                    url=each.url,
                    image=each.image,
                )
                for each in products(warehouse, site)
            )

    def erase(self) -> None:
        """Whoever asked to be forgotten."""
        self.erasure.run()

    def compact(self) -> None:
        """Small files become large ones, whose trails are found before somebody waits for a report."""
        warehouse, now = compose.warehouse(self.settings), int(time.time() * 1000)
        warehouse.compact()
        for site in self._sites():
            warehouse.walk(site, now - 2 * USUAL_DAYS * DAY_MS, now)

    def vacuum(self) -> None:
        compose.warehouse(self.settings).vacuum()

    def retire(self) -> None:
        """Drop what is older than ``retention_days``."""
        if self.settings.retention_days:
            oldest = time.time() - self.settings.retention_days * 86_400
            compose.warehouse(self.settings).retire(int(oldest * 1000))
