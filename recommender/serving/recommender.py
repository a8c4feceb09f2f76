"""The recommender of one site: recommendations for one slot within milliseconds, even without a model or catalogue."""

import logging
import random
import threading
import time
from collections.abc import Callable

from profiles.model import Profile
from profiles.session_rules import DEFAULT, SessionRules
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.redis import CatalogueUnavailable
from recommender.data.params import Params
from recommender.model.model import Model
from recommender.model.registry import ModelRegistry
from recommender.serving import components
from recommender.serving.item_table import ItemTable
from recommender.serving.request import LIMIT, Recommendations, SlotRequest
from recommender.serving.rerank import candidates_needed, rerank, with_exploration
from recommender.serving.slot import Slot
from recommender.serving.strategies import CANDIDATE_SOURCES
from recommender.serving.table_update import build, updated
from recommender.serving.visitor import Visitor, visitor_of_profile
from tracker.refusal import Refusal

log = logging.getLogger("dangol.recommender")

LONGEST_REQUEST_SECONDS = 2.0
"""Longer than any request takes."""


class Recommender:
    """Recommends items of one site from its live model and its catalogue. Safe to use from many threads.

    Without ``params`` it uses the site's own parameters from the registry.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        catalogue: Catalogue,
        params: Params | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._registry, self._catalogue, self._clock = registry, catalogue, clock
        self._given = params
        self._lock = threading.Lock()
        self._chance = random.Random()
        self._ready: tuple[Model | None, ItemTable, int] | None = None

    @property
    def _params(self) -> Params:
        return self._given or self._registry.params.current()

    def visitor(
        self, profile: Profile | None, page_item: str | None = None, rules: SessionRules = DEFAULT
    ) -> Visitor:
        """The visitor of one request; make it once for all slots of a page. ``rules``: when the site's sessions end."""
        return visitor_of_profile(profile, page_item, self._params, int(self._clock() * 1000), rules)

    def recommend(self, visitor: Visitor, request: SlotRequest) -> Recommendations | Refusal:
        """At most ``request.limit`` items: those of the strategy first, then popular ones to fill the row."""
        source = CANDIDATE_SOURCES.get(request.strategy)
        if source is None:
            return Refusal("bad_request", f"must be one of {', '.join(CANDIDATE_SOURCES)}", "strategy")
        if not 1 <= request.limit <= LIMIT:
            return Refusal("bad_request", f"must be between 1 and {LIMIT}", "limit")
        model, table = self._current()
        slot = Slot(model, table, visitor, request, self._params)
        shown = rerank(slot, source(slot, candidates_needed(slot)))
        if request.strategy != "buy_again":
            missing = request.limit - len(shown)
            if missing > 0:
                there = table.with_siblings(slot.rows(each.id for each in shown))
                slot.allowed[there] = False
                shown += rerank(slot, components.popular(slot, candidates_needed(slot)))[:missing]
            shown = with_exploration(slot, shown, self._chance)
        return Recommendations(tuple(shown), model.card.version if model else "")

    def _current(self) -> tuple[Model | None, ItemTable]:
        """The live model and the table that fits it, brought up to date by one thread at a time."""
        model = self._registry.live()
        try:
            self._catalogue.refresh()
        except CatalogueUnavailable as error:
            log.warning("catalogue as it was: %s", error)
        ready = self._ready
        now = int(self._clock() * 1000)
        fits = ready and ready[0] is model and now < ready[1].price_until
        if ready and fits and self._catalogue.changed_since(ready[2])[1] == []:
            return ready[0], ready[1]
        if not self._lock.acquire(blocking=ready is None):
            assert ready is not None
            return ready[0], ready[1]
        ready = self._ready
        if (
            ready and ready[0] is not model
        ):  # a table of 100,000 items takes a while to build: no request waits
            threading.Thread(target=self._swap, args=(model,), name="item-table", daemon=True).start()
            return ready[0], ready[1]
        return self._renew(model)

    def _swap(self, model: Model | None) -> None:
        before = self._ready
        self._renew(model)
        # No request uses the old model any more: this thread frees it, which takes a while.
        time.sleep(LONGEST_REQUEST_SECONDS)
        del before

    def _renew(self, model: Model | None) -> tuple[Model | None, ItemTable]:
        """Adopt the model and the catalogue's changes. The caller holds the lock, and this releases it."""
        try:
            ready = self._ready
            place, changed = self._catalogue.changed_since(ready[2] if ready else 0)
            now, days = int(self._clock() * 1000), self._params.new_days
            if ready and ready[0] is model and changed is not None and now < ready[1].price_until:
                table = updated(ready[1], self._catalogue, changed, model, now, days)
            else:
                table = build(model, self._catalogue, now, days)
            self._ready = (model, table, place)
            return model, table
        finally:
            self._lock.release()
