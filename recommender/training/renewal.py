"""Renewal: a trained model with its factors as they are, and all that changes within the day learned anew."""

import dataclasses

import numpy as np

from recommender.algorithms import cooccurrence, popularity, rebuy, session_knn
from recommender.algorithms.factors import Factors
from recommender.data.interactions import Interactions
from recommender.model.model import Model


def renewed(live: Model, rows: Interactions) -> Model:
    """The live model with everything but its factors learned from ``rows``, and its own card."""
    rows, params = recoded(rows, live), live.card.params
    return dataclasses.replace(
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
