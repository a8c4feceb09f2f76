"""Popular items, and trending items: those chosen more often than before."""

from dataclasses import dataclass

import numpy as np

from recommender.data.interactions import Floats, Interactions, Ints, ageing, kind_weights
from recommender.data.params import Params


@dataclass(frozen=True, slots=True)
class Popularity:
    """Per item: ``popular`` is decayed weight, ``trend`` the recent pace over the usual one; both in 0..1.
    ``order`` and ``trends`` are the item codes ranked by them."""

    popular: Floats
    trend: Floats
    order: Ints
    trends: Ints


def popularity(rows: Interactions, params: Params, now: int) -> Popularity:
    """Popularity and trend as of ``now``.

    With decayed sums S over a half-life h, S / h is a pace per day. Trend is the short pace minus the long one in
    standard deviations of a Poisson count, so that one click on a forgotten item is not a trend.
    """
    items = len(rows.items)
    weight = np.maximum(kind_weights(params.weights), 0.0)[rows.kind] * rows.row_weights()
    slow = np.bincount(rows.item, weight * ageing(rows.ts, now, params.popular_half_life_days), items)
    fast = _widely(rows, weight * ageing(rows.ts, now, params.trend_half_life_days), params)
    usual = slow * params.trend_half_life_days / params.popular_half_life_days
    rise = np.maximum(fast - usual, 0.0) / np.sqrt(usual + 1.0)
    return Popularity(_unit(slow), _unit(rise), _ranked(slow), _ranked(rise))


def _widely(rows: Interactions, weight: np.ndarray, params: Params) -> np.ndarray:
    """Weight by item, of which each network gives at most what one purchase does: a few people of one network are no
    trend. Where most seem to come from one (a proxy that is not trusted), it says nothing and has no bound."""
    network = rows.network[rows.profile] if len(rows.network) else np.full(len(rows), -1)
    known, items = network >= 0, len(rows.items)
    if known.any():
        each = np.bincount(rows.network[rows.network >= 0], rows.crowd_weights[rows.network >= 0])
        known &= 2 * each.max() < rows.crowd_weights.sum()
    given = np.bincount(rows.item[~known], weight[~known], items)
    pairs, pair = np.unique(network[known] * items + rows.item[known], return_inverse=True)
    most = np.minimum(np.bincount(pair, weight[known], len(pairs)), max(kind_weights(params.weights)))
    total: np.ndarray = given + np.bincount(pairs % max(items, 1), most, items)
    return total


def _ranked(value: np.ndarray) -> Ints:
    return np.argsort(-value, kind="stable").astype(np.int32)


def _unit(value: np.ndarray) -> Floats:
    top = float(value.max()) if len(value) else 0.0
    return (value / top if top > 0 else value).astype(np.float32)
