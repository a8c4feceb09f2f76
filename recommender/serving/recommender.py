"""Recommend: one visitor, one slot, within milliseconds and whatever is missing."""

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
from recommender.model.registry import Shelf
from recommender.serving import components
from recommender.serving.item_table import Stock, take, update
from recommender.serving.request import LIMIT, Ask, Shown
from recommender.serving.rerank import explored, picks, wanted
from recommender.serving.slot import Scene
from recommender.serving.strategies import PROPOSERS
from recommender.serving.visitor import Visitor, visitor_of
from tracker.refusal import Refusal

log = logging.getLogger("dangol.recommender")

UNDER_WAY_SECONDS = 2.0
"""Longer than any request takes."""


class Recommender:
    """Serves one site from its shelf's live model and its catalogue. Safe from many threads.

    Without ``params`` it serves by the site's own, as they stand on the shelf.
    """

    def __init__(
        self,
        shelf: Shelf,
        catalogue: Catalogue,
        params: Params | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shelf, self._catalogue, self._clock = shelf, catalogue, clock
        self._given = params
        self._lock = threading.Lock()
        self._chance = random.Random()
        self._ready: tuple[Model | None, Stock, int] | None = None

    @property
    def _params(self) -> Params:
        return self._given or self._shelf.params.current()

    def visitor(
        self, profile: Profile | None, page_item: str | None = None, rules: SessionRules = DEFAULT
    ) -> Visitor:
        """The visitor of one request; make it once for all slots of a page. ``rules``: when the site's sessions end."""
        return visitor_of(profile, page_item, self._params, int(self._clock() * 1000), rules)

    def recommend(self, visitor: Visitor, ask: Ask) -> Shown | Refusal:
        """At most ``ask.limit`` items, the proposed ones first, filled up with popular ones."""
        proposer = PROPOSERS.get(ask.strategy)
        if proposer is None:
            return Refusal("bad_request", f"must be one of {', '.join(PROPOSERS)}", "strategy")
        if not 1 <= ask.limit <= LIMIT:
            return Refusal("bad_request", f"must be between 1 and {LIMIT}", "limit")
        model, stock = self._current()
        scene = Scene(model, stock, visitor, ask, self._params)
        shown = picks(scene, proposer(scene, wanted(scene)))
        if ask.strategy != "buy_again":
            if len(shown) < ask.limit:
                scene.allowed[[stock.index[pick.id] for pick in shown]] = False
                shown += picks(scene, components.popular(scene, wanted(scene)))[: ask.limit - len(shown)]
            shown = explored(scene, shown, self._chance)
        return Shown(tuple(shown), model.card.version if model else "")

    def knows(self, item_id: str) -> bool:
        """Is it an item of the model or of the catalogue?"""
        return item_id in self._current()[1].index

    def _current(self) -> tuple[Model | None, Stock]:
        """The live model and the stock that fits it, brought up to date by one thread at a time."""
        model = self._shelf.live()
        try:
            self._catalogue.refresh()
        except CatalogueUnavailable as error:
            log.warning("catalogue as it was: %s", error)
        ready = self._ready
        if ready and ready[0] is model and self._catalogue.changed_since(ready[2])[1] == []:
            return ready[0], ready[1]
        if not self._lock.acquire(blocking=ready is None):
            assert ready is not None
            return ready[0], ready[1]
        ready = self._ready
        if ready and ready[0] is not model:  # a stock of 100,000 items takes a while: nobody waits for it
            threading.Thread(target=self._swap, args=(model,), name="stock", daemon=True).start()
            return ready[0], ready[1]
        return self._renew(model)

    def _swap(self, model: Model | None) -> None:
        before = self._ready
        self._renew(model)
        # By now no request holds the old model: it is this thread that takes it down, which takes a while.
        time.sleep(UNDER_WAY_SECONDS)
        del before

    def _renew(self, model: Model | None) -> tuple[Model | None, Stock]:
        """Take the model and the catalogue's changes over; whoever calls it holds the lock."""
        try:
            ready = self._ready
            place, changed = self._catalogue.changed_since(ready[2] if ready else 0)
            if ready and ready[0] is model and changed is not None:
                stock = update(ready[1], self._catalogue, changed, model)
            else:
                stock = take(model, self._catalogue)
            self._ready = (model, stock, place)
            return model, stock
        finally:
            self._lock.release()
