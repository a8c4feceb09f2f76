"""Refresh: a new version with current sessions, neighbours, popularity and trends, and the last trained factors.

It is cheap enough to run every few minutes. Factors change slowly; the other parts change within the day.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from recommender.algorithms import cooccurrence, popularity, rebuy, session_knn
from recommender.algorithms.factors import Factors
from recommender.catalogue.item import Item
from recommender.catalogue.variants import model_names
from recommender.data.interactions import Interactions, read
from recommender.model.card import Card
from recommender.model.model import Model
from recommender.model.registry import ModelRegistry
from recommender.training.train import History


def refresh(
    site: str,
    history: History,
    registry: ModelRegistry,
    clock: Callable[[], float] = time.time,
    items: Sequence[Item] = (),
) -> Card | None:
    """Publish the live model with everything but its factors renewed; None when there is no model or nothing new.

    ``items`` is the catalogue. Raises ModelUnusable.
    """
    version = registry.live_version()
    if version is None:
        return None
    begin, live = time.perf_counter(), registry.load(version)
    params = live.card.params
    rows = read(history.interactions(site, params.window_days))
    # By their number, too: a visitor's clock may be a day ahead, and nothing newer comes until then.
    if not len(rows) or (int(rows.ts[-1]) <= live.card.last and len(rows) == live.card.events):
        return None
    rows = recoded(rows.renamed(model_names(items)), live)
    model = dataclasses.replace(
        live,
        items=rows.items,
        index={item: code for code, item in enumerate(rows.items)},
        factors=longer(live.factors, len(rows.items)),
        sessions=session_knn.build(rows, params),
        near=cooccurrence.neighbours(cooccurrence.visits(rows, params.basket_limit), params.neighbours),
        together=cooccurrence.neighbours(cooccurrence.baskets(rows, params.basket_limit), params.neighbours),
        popularity=popularity.popularity(rows, params, int(rows.ts[-1])),
        rebuy=rebuy.rebuy(rows),
    )
    origin = live.card.refreshed or live.card.version
    card = msgspec.structs.replace(
        live.card,
        version=registry.new_version(),
        refreshed=origin,
        made=int(clock() * 1000),
        last=int(rows.ts[-1]),
        events=len(rows),
        items=len(rows.items),
        seconds=round(time.perf_counter() - begin, 3),
        verdict=f"sessions and trends of now on the factors of {origin}",
    )
    registry.add(dataclasses.replace(model, card=card))
    registry.publish(card.version)
    return card


def recoded(rows: Interactions, live: Model) -> Interactions:
    """The rows in the model's item codes; items it does not know get the codes after."""
    fresh = [item for item in rows.items if item not in live.index]
    items = (*live.items, *fresh)
    code = {item: number for number, item in enumerate(items)}
    table = np.array([code[item] for item in rows.items], np.int32)
    return dataclasses.replace(rows, items=items, item=table[rows.item])


def longer(factors: Factors, items: int) -> Factors:
    """The factors with zero vectors for items after the known ones."""
    known, width = factors.vectors.shape
    more = np.zeros((items - known, width), np.float32)
    codes = np.arange(known, items, dtype=np.int32)
    return Factors(
        np.concatenate([factors.vectors, more]),
        np.concatenate([factors.solved, more]),
        np.concatenate([factors.length, more[:, 0]]),
        np.concatenate([factors.order, codes]),
        np.concatenate([factors.place, codes]),
        factors.ann,
    )
