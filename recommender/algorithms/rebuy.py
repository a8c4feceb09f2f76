"""Repeat purchases: which items are bought again, and after how long."""

from dataclasses import dataclass

import numpy as np

from recommender.data.interactions import PURCHASE, REPEATS_EVER, Floats, Interactions, ageing
from tracker.durations import DAY_MS
from warehouse.feeds import person_weights

PRIOR = 5.0  # buyers' worth of belief in the site's own average
DEFAULT_DAYS = 30.0
RARE = 0.03  # sales a day below which a pace says nothing
LATELY_DAYS, USUALLY_DAYS = 30.0, 120.0  # half-lives


@dataclass(frozen=True, slots=True)
class Rebuy:
    """Per item: ``share`` of its buyers who bought it again; the usual ``days`` between two purchases; and ``pace``,
    its sales lately over its usual ones: what is out of season or no longer sold is not wanted again."""

    share: Floats
    days: Floats
    pace: Floats


def rebuy(rows: Interactions) -> Rebuy:
    """Repeat share and cadence per item, drawn towards the site's averages where purchases are few."""
    items = len(rows.items)
    bought = rows.rows(rows.kind == PURCHASE)
    order = np.lexsort((bought.ts, bought.item, bought.profile))
    item, profile, ts = bought.item[order], bought.profile[order], bought.ts[order]
    pair = profile.astype(np.int64) * items + item
    taught = rows.profile_weights[profile]
    each = (taught * person_weights.repeats(pair, REPEATS_EVER))[1:]
    again = (item[1:] == item[:-1]) & (profile[1:] == profile[:-1]) & (ts[1:] > ts[:-1])
    gap = (ts[1:] - ts[:-1])[again] / DAY_MS
    each = each[again]
    repeats = np.bincount(item[1:][again], each, items)
    once = np.diff(pair, prepend=-1) != 0
    buyers = np.bincount(item[once], taught[once], items)
    bought_again = np.unique(pair[1:][again])
    twice = np.bincount(
        bought_again % max(items, 1), rows.profile_weights[bought_again // max(items, 1)], items
    )
    share = (twice + PRIOR * twice.sum() / max(buyers.sum(), 1)) / (buyers + PRIOR)
    usual = _median(gap, each) if len(gap) else DEFAULT_DAYS
    # A mean of logarithms: gaps are long-tailed, and a median per item would need a sort each.
    logs = np.bincount(item[1:][again], np.log(np.maximum(gap, 0.04)) * each, items)
    days = np.exp((logs + PRIOR * np.log(max(usual, 0.04))) / (repeats + PRIOR))
    return Rebuy(share.astype(np.float32), days.astype(np.float32), _pace(bought))


def _median(values: np.ndarray, weight: np.ndarray) -> float:
    """The value below which half of the weight lies; between two where it is exactly half."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    low, high = np.searchsorted(reached, (0.5 - 1e-9, 0.5 + 1e-9))
    return float(values[order][low] + values[order][min(high, len(values) - 1)]) / 2


def _pace(bought: Interactions) -> Floats:
    now, weights = int(bought.ts[-1]) if len(bought) else 0, bought.row_weights()
    lately, usually = (
        np.bincount(bought.item, ageing(bought.ts, now, days) * weights, len(bought.items)) / days + RARE
        for days in (LATELY_DAYS, USUALLY_DAYS)
    )
    return np.clip(lately / usually, 0.05, 3.0).astype(np.float32)
