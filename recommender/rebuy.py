"""Buying again: which items are bought repeatedly, and after how long."""

from dataclasses import dataclass

import numpy as np

from recommender.interactions import PURCHASE, Floats, Interactions
from recommender.params import DAY_MS

PRIOR = 5.0  # buyers' worth of belief in the site's own average
DEFAULT_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Rebuy:
    """Per item: ``share`` of purchases that were followed by another of the same buyer; median ``days`` between."""

    share: Floats
    days: Floats


def rebuy(rows: Interactions) -> Rebuy:
    """Repeat share and cadence per item, drawn towards the site's averages where purchases are few."""
    items = len(rows.items)
    bought = rows.rows(rows.kind == PURCHASE)
    order = np.lexsort((bought.ts, bought.item, bought.profile))
    item, profile, ts = bought.item[order], bought.profile[order], bought.ts[order]
    again = (item[1:] == item[:-1]) & (profile[1:] == profile[:-1]) & (ts[1:] > ts[:-1])
    gap = (ts[1:] - ts[:-1])[again] / DAY_MS
    repeats = np.bincount(item[1:][again], minlength=items)
    total = np.bincount(item, minlength=items)
    average = len(gap) / max(len(item), 1)
    share = (repeats + PRIOR * average) / (total + PRIOR)
    usual = float(np.median(gap)) if len(gap) else DEFAULT_DAYS
    # A mean of logarithms: gaps are long-tailed, and a median per item would need a sort each.
    logs = np.bincount(item[1:][again], np.log(np.maximum(gap, 0.04)), items)
    days = np.exp((logs + PRIOR * np.log(max(usual, 0.04))) / (repeats + PRIOR))
    return Rebuy(share.astype(np.float32), days.astype(np.float32))
