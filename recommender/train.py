"""Train: from the warehouse's history to a version on the shelf."""

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import numpy as np

from recommender import als, factors, popular, rebuy, sessions, together
from recommender.card import Card
from recommender.interactions import Interactions, confidence, read
from recommender.model import Model
from recommender.params import DAY_MS, Params
from recommender.shelf import Shelf

log = logging.getLogger("dangol.recommender")


class History(Protocol):
    """What happened on a site, as Arrow tables."""

    def interactions(self, site: str) -> Any:
        """Columns profile, product, name (of the event), ts, quantity, session, category."""


class NothingToLearn(Exception):
    """The history holds no event of an item. Send product events, or import some, then train again."""


def fit(rows: Interactions, params: Params, card: Card) -> Model:
    """A model of ``rows`` as of their last event. Deterministic for given rows and params on one thread."""
    now = int(rows.ts[-1])
    used = confidence(rows, params, now)
    item_factors = factors.solve(als.fit(used, params), params.regularization)
    card = msgspec.structs.replace(
        card,
        first=int(rows.ts[0]),
        last=now,
        events=len(rows),
        profiles=int(np.count_nonzero(np.diff(used.indptr))),
        sessions=len(np.unique(rows.session)),
        items=len(rows.items),
        factors=item_factors.vectors.shape[1],
        params=params,
    )
    return Model(
        card=card,
        items=rows.items,
        index={item: code for code, item in enumerate(rows.items)},
        factors=item_factors,
        sessions=sessions.build(rows, params),
        together=together.neighbours(together.baskets(rows, params.basket_limit), params.neighbours),
        near=together.neighbours(together.visits(rows, params.basket_limit), params.neighbours),
        popularity=popular.popularity(rows, params, now),
        rebuy=rebuy.rebuy(rows),
    )


def recent(rows: Interactions, days: int) -> Interactions:
    """The last ``days`` before the newest row: an import of an old year is as good as this one."""
    if not len(rows):
        return rows
    return rows.between(int(rows.ts[-1]) - days * DAY_MS, int(rows.ts[-1]) + 1)


def train(
    site: str,
    history: History,
    shelf: Shelf,
    params: Params | None = None,
    clock: Callable[[], float] = time.time,
) -> Card:
    """Learn from the site's window of history and serve the result. Raises NothingToLearn."""
    params = params or Params()
    started, now = time.perf_counter(), int(clock() * 1000)
    rows = recent(read(history.interactions(site)), params.window_days)
    if not len(rows):
        raise NothingToLearn(f"site {site}: no product events yet")
    model = fit(rows, params, Card(version=shelf.new_version(), site=site, made=now))
    card = msgspec.structs.replace(model.card, seconds=round(time.perf_counter() - started, 3))
    shelf.add(dataclasses.replace(model, card=card))
    shelf.publish(card.version)
    log.info("site %s: model %s of %d events in %.1f s", site, card.version, card.events, card.seconds)
    return card
