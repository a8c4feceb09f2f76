"""Credits: a conversion divided among the visits of its journey, to the last unit."""

import numpy as np

from warehouse.attribution.journeys import Journeys
from warehouse.attribution.models import Weights
from warehouse.index.encoded import Longs

WHOLE = 1_000_000
"""Units of one conversion."""


def divided(amounts: Longs, weights: Weights, journeys: Journeys) -> Longs:
    """What each visit has of its journey's amount (whole units), in proportion to its weight: rounded down, and what
    is left goes by single units to the earliest visits with a weight. The parts of a journey always sum to its amount.
    Where all weights of a journey are 0, each visit weighs the same."""
    of, count = journeys.of, len(journeys.first) - 1
    weights = np.where(np.bincount(of, weights, count)[of] > 0, weights, 1.0)
    share = weights / np.bincount(of, weights, count)[of]
    parts = np.floor(amounts[of] * share).astype(np.int64)
    some = weights > 0
    takers = np.bincount(of, some, count).astype(np.int64)
    before: Longs = np.cumsum(some) - some
    turn: Longs = before - before[journeys.first[of]] if len(of) else before
    given = np.zeros(count, np.int64)
    np.add.at(given, of, parts)
    each, more = np.divmod(amounts - given, np.maximum(takers, 1))
    return parts + np.where(some, each[of] + (turn < more[of]), 0)


def apportioned(amount: int, weights: Weights) -> Longs:
    """``amount`` (whole units) in as many parts as there are weights, in the same way."""
    one = Journeys(np.array([0, len(weights)]), np.arange(len(weights)))
    return divided(np.array([amount]), weights, one)
